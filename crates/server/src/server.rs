//! A server, from its sockets to its shutdown: one I/O thread, and the application's workers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_config::Settings;
use maitred_http_parser::exchange::{Application, StartError};

use crate::accept;
use crate::clock::Clock;
use crate::connection::shared::Shared;
use crate::connection::spooling::TempDirError;
use crate::descriptors;
use crate::drain;
use crate::listen::Listeners;
use crate::listen::acceptor::Acceptor;
use crate::restart::after_panics;
use crate::running::{Control, Running, Stage};
use crate::scheduling::{Lock, nap};
use crate::state::ServerState;
use crate::sweep;
use crate::telemetry::subject::Subject as _;
use crate::telemetry::{OpenError, Telemetry};
use crate::timer_resolution::FineTicks;
use crate::watch::Watch;

/// Threads that write request bodies to the disk. More would not make one disk faster.
const DISK_THREADS_MAX: usize = 4;

/// A task that a worker has woken has a connection to close, or the rest of an answer to send. With
/// tokio's own interval it has its turn after 31 others, and under many short connections, of which
/// each is such a task once, they pile up faster than they end.
const WOKEN_BY_WORKERS_INTERVAL: u32 = 1;

/// How long workers are waited for once their work is done.
const WORKERS_END_WITHIN: Duration = Duration::from_secs(1);

/// A server that is bound and has not been started. Making one starts no thread.
pub struct Server {
    settings: Arc<Settings>,
    listeners: Listeners,
    application: Arc<dyn Application>,
    telemetry: Arc<Telemetry>,
    clock: Arc<Clock>,
    lock: Lock,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// A server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A worker thread could not be started.
    #[error(transparent)]
    Worker(#[from] StartError),
    /// The access log could not be opened.
    #[error(transparent)]
    AccessLog(#[from] OpenError),
    /// No file can be kept where bodies that overflow memory would go.
    #[error(transparent)]
    TempDir(#[from] TempDirError),
    /// The system has no room for a thread or a reactor.
    #[error("cannot start the server: {0}")]
    System(#[from] std::io::Error),
}

impl Server {
    /// Puts a server together.
    pub fn new(
        settings: Arc<Settings>,
        listeners: Listeners,
        application: Arc<dyn Application>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let clock = Arc::new(Clock::new());
        Self { settings, listeners, application, telemetry, clock, lock: Lock::Shared }
    }

    /// Says whether worker threads share one interpreter lock; they do unless told otherwise.
    #[must_use]
    pub fn with_lock(self, lock: Lock) -> Self {
        Self { lock, ..self }
    }

    /// Uses this clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where it listens.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Starts the workers and the I/O thread.
    ///
    /// # Errors
    /// A thread could not be started, or a file cannot be kept that the settings ask for; what was
    /// started has been ended again.
    pub fn start(self) -> Result<Running, RunError> {
        let Self { settings, listeners, application, telemetry, clock, lock } = self;
        telemetry.open_access_log(&settings)?;
        descriptors::warn_if_few(settings.connection_limit);
        let shared = Shared::new(settings, telemetry, clock, lock);
        shared.spooling.try_out()?;
        let server = Arc::new(ServerState::new(shared, application));
        // Workers that nobody will feed would wait for ever.
        start_threads(&server, listeners).inspect_err(|_| server.shared.queue.close())
    }
}

fn start_threads(server: &Arc<ServerState>, listeners: Listeners) -> Result<Running, RunError> {
    server.pool.start()?;
    let watch = Watch::start(Arc::clone(server))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("maitred-disk")
        .max_blocking_threads(DISK_THREADS_MAX)
        .global_queue_interval(WOKEN_BY_WORKERS_INTERVAL)
        .build()?;
    let control = Arc::new(Control::new(
        Arc::clone(server),
        watch,
        #[cfg(windows)]
        runtime.handle().clone(),
    ));
    let acceptors = {
        let _inside = runtime.enter();
        let open = |listener| Acceptor::register(listener).map(Arc::new);
        listeners.entries.iter().map(open).collect::<Result<Vec<_>, _>>()?
    };
    server.open(&listeners, &acceptors);
    let io_control = Arc::clone(&control);
    let io = std::thread::Builder::new().name("maitred-io".into()).spawn(move || {
        let _ticks = FineTicks::ask();
        let serving = || runtime.block_on(serve(&io_control, acceptors, listeners));
        if catch_unwind(AssertUnwindSafe(serving)).is_err() {
            tracing::error!(
                target: "maitred",
                "the I/O thread panicked and the server stops; this is a bug in Maitred"
            );
        }
        runtime.shutdown_timeout(Duration::ZERO);
        end(&io_control);
    })?;
    Ok(Running::new(control, io))
}

/// The I/O thread: everything that is not the application.
async fn serve(control: &Arc<Control>, acceptors: Vec<Arc<Acceptor>>, listeners: Listeners) {
    let server = &control.server;
    let shared = &server.shared;
    let (swept, queue) = (Arc::clone(server), Arc::clone(&shared.queue));
    let sweeping = tokio::spawn(after_panics("the sweep", move || sweep::run(Arc::clone(&swept))));
    let napping = tokio::spawn(after_panics("the nap", move || nap::run(Arc::clone(&queue))));
    let accept = |(index, acceptor): (usize, &Arc<Acceptor>)| {
        let (server, acceptor) = (Arc::clone(server), Arc::clone(acceptor));
        let accept = move || accept::run(Arc::clone(&server), Arc::clone(&acceptor), index);
        tokio::spawn(after_panics("accepting", accept))
    };
    let accepting: Vec<_> = acceptors.iter().enumerate().map(accept).collect();

    control.reached(Stage::Drain).await;
    drain::announce(server);
    let delay = tokio::time::timeout(shared.settings.drain_delay, control.reached(Stage::Kill));
    // Either the delay has passed, or it was cut short.
    let _ = delay.await;
    for task in accepting {
        task.abort();
        // Its end, in whatever way, is what is waited for: it has a hold on the listening socket.
        let _ = task.await;
    }
    for (index, acceptor) in acceptors.iter().enumerate() {
        accept::drain_backlog(server, acceptor, index);
    }
    drop(acceptors);
    drop(listeners);
    let deadline: Instant = shared.clock.instant() + shared.settings.graceful_timeout;
    {
        let mut killed = std::pin::pin!(control.reached(Stage::Kill));
        let mut finished = std::pin::pin!(drain::finish(server, deadline));
        std::future::poll_fn(|cx| {
            if killed.as_mut().poll(cx).is_ready() {
                return std::task::Poll::Ready(());
            }
            finished.as_mut().poll(cx)
        })
        .await;
    }
    drain::cut_off(server).await;
    sweeping.abort();
    napping.abort();
}

/// The I/O thread is done: workers end, and whoever waits is told.
fn end(control: &Control) {
    let server = &control.server;
    let shared = &server.shared;
    shared.queue.deferral.end(shared.clock.instant());
    shared.queue.close();
    control.end_watch();
    match server.pool.end(WORKERS_END_WITHIN) {
        0 => tracing::info!(target: "maitred", "stopped"),
        left => {
            tracing::warn!(target: "maitred", left, "stopped, with threads left in the application");
        }
    }
    shared.telemetry.ended(server.threads());
    control.stopped();
}
