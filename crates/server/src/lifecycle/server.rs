//! A server, from its sockets to its shutdown: one I/O thread, and the application's workers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use maitred_config::Settings;
use maitred_http_parser::exchange::{Application, StartError};

use crate::connection::budget::ClientBudget;
use crate::connection::descriptors::{ClientDescriptors, FileLimits};
use crate::connection::policy::Policy;
use crate::connection::request_id::RequestIds;
use crate::connection::shared::{Answers, Shared};
#[cfg(unix)]
use crate::connection::siblings::{Membership, SiblingProcesses};
use crate::connection::temp_files::{TempDirError, TempFiles};
use crate::lifecycle::accept;
use crate::lifecycle::drain::{self, Backlog};
#[cfg(unix)]
use crate::lifecycle::evacuate;
#[cfg(unix)]
use crate::lifecycle::inbox::Inbox;
use crate::lifecycle::request_timeout::{STACK_WITHIN, TimeoutMonitor};
use crate::lifecycle::restart::after_panics;
#[cfg(unix)]
use crate::lifecycle::retire;
use crate::lifecycle::running::{Control, IoEnd, Running, StopStage};
use crate::lifecycle::server_state::{ServerState, Supervision};
use crate::lifecycle::sweep;
use crate::listen::acceptor::Acceptor;
use crate::listen::{BindError, Listeners};
use crate::scheduling::parallelism::Parallelism;
use crate::scheduling::queue::Queue;
use crate::scheduling::{Gil, nap};
use crate::system::spare_descriptors::SpareDescriptors;
use crate::system::timer_ticks::FineTicks;
use crate::telemetry::snapshot::{ServerPhase, Subject as _};
use crate::telemetry::{OpenError, Telemetry};

/// The number of threads that write request bodies to disk. More would not make a disk faster.
const DISK_THREADS_MAX: usize = 4;

/// How often tokio checks for tasks that other threads have woken. Such a task has a connection to
/// close, or the rest of a response to send. With tokio's default of 31, these tasks pile up under
/// many short connections, because each connection is such a task once.
const WOKEN_BY_WORKERS_INTERVAL: u32 = 1;

/// The maximum time to wait for worker threads to end.
const WORKERS_END_WITHIN: Duration = Duration::from_millis(500);

/// The time that a server takes to end after graceful-timeout if a thread stays in the application:
/// for the thread's stack, and until it is left alone.
pub const GIVES_UP_WITHIN: Duration = STACK_WITHIN.saturating_add(WORKERS_END_WITHIN);

/// A server that is bound and not yet started. Creating one starts no thread.
pub struct Server {
    settings: Arc<Settings>,
    listeners: Listeners,
    application: Arc<dyn Application>,
    telemetry: Arc<Telemetry>,
    gil: Gil,
    #[cfg(unix)]
    membership: Option<Membership>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A worker thread could not be started.
    #[error(transparent)]
    Worker(#[from] StartError),
    /// The access log could not be opened.
    #[error(transparent)]
    AccessLog(#[from] OpenError),
    /// No file can be created in `temp-dir`.
    #[error(transparent)]
    TempDir(#[from] TempDirError),
    /// Another process has taken an address since it was bound.
    #[error(transparent)]
    Listen(#[from] BindError),
    /// A thread or a reactor could not be created.
    #[error("cannot start the server: {0}")]
    System(#[from] std::io::Error),
}

impl Server {
    /// Creates a server.
    pub fn new(
        settings: Arc<Settings>,
        listeners: Listeners,
        application: Arc<dyn Application>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            settings,
            listeners,
            application,
            telemetry,
            gil: Gil::Enabled,
            #[cfg(unix)]
            membership: None,
        }
    }

    /// Makes it one of several worker processes, which hand connections to each other.
    #[cfg(unix)]
    #[must_use]
    pub fn among_siblings(self, membership: Membership) -> Self {
        Self { membership: Some(membership), ..self }
    }

    /// Sets whether worker threads share a GIL; by default, they do.
    #[must_use]
    pub fn with_gil(self, gil: Gil) -> Self {
        Self { gil, ..self }
    }

    /// The addresses that it listens on.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Starts the workers and the I/O thread, and opens the addresses to clients.
    ///
    /// # Errors
    /// A thread could not be started, a file that the settings require cannot be created, or an address
    /// cannot be listened on. Threads that were started have been ended again.
    pub fn start(self) -> Result<Running, RunError> {
        let Self { settings, mut listeners, application, telemetry, gil, .. } = self;
        let clock = Arc::clone(telemetry.clock());
        telemetry.open_access_log(&settings)?;
        let spare = SpareDescriptors::keep();
        let descriptors = Arc::new(descriptors(&settings, &telemetry));
        let temp_files = temp_files(&settings, &descriptors);
        temp_files.try_out()?;
        listeners.keep_from_children()?;
        listeners.listen(&settings)?;
        let (limit, parallelism) = (settings.limits.queue, Parallelism::of(gil));
        let queue = Queue::new(limit, parallelism, Arc::clone(&clock), Arc::default());
        #[cfg(unix)]
        let place = self.membership.as_ref().map(|membership| membership.place.clone());
        #[cfg(unix)]
        let siblings = self.membership.map(|membership| {
            let (telemetry, now) = (Arc::clone(&telemetry), clock.instant());
            Arc::new(SiblingProcesses::new(membership, telemetry, now))
        });
        #[cfg(unix)]
        let queue = queue.with_siblings(siblings.clone().map(|siblings| siblings as _));
        let queue = Arc::new(queue);
        let shared = Shared {
            policy: Arc::new(Policy::new(&settings)),
            request_ids: RequestIds::new(clock.wall()),
            clock,
            answers: Answers::Workers(Arc::clone(&queue)),
            temp_files,
            descriptors,
            telemetry,
            #[cfg(unix)]
            siblings,
        };
        let server = ServerState::new(settings, shared, queue, application, spare);
        #[cfg(unix)]
        let server = server.with_place(place);
        let server = Arc::new(server);
        // Otherwise, the workers that were started would wait for ever.
        start_threads(&server, listeners).inspect_err(|_| server.queue.close())
    }
}

/// What clients may take of memory and disk.
fn temp_files(settings: &Settings, descriptors: &Arc<ClientDescriptors>) -> TempFiles {
    let budget = ClientBudget::new(settings.limits.client_memory, settings.limits.spool);
    let folder = settings.application.temp_dir.clone();
    TempFiles::new(folder, Arc::new(budget), Arc::clone(descriptors))
}

/// The descriptors of clients; logs one line if they are fewer than `connection-limit`, to which the
/// connections of all worker processes count.
fn descriptors(settings: &Settings, telemetry: &Telemetry) -> ClientDescriptors {
    let descriptors = ClientDescriptors::available();
    let (wanted, processes) = (settings.limits.connections, settings.processes.workers);
    let possible = descriptors.most().saturating_mul(processes);
    if let Some(limits) = FileLimits::read()
        && possible < wanted
    {
        telemetry.connections_capped(possible);
        tracing::warn!(target: "maitred", "{}", limits.note(wanted));
    }
    descriptors
}

fn start_threads(server: &Arc<ServerState>, listeners: Listeners) -> Result<Running, RunError> {
    server.workers.start()?;
    let monitor = TimeoutMonitor::start(Arc::clone(server))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name("maitred-disk")
        .max_blocking_threads(DISK_THREADS_MAX)
        .global_queue_interval(WOKEN_BY_WORKERS_INTERVAL)
        .build()?;
    let control = Arc::new(Control::new(Arc::clone(server), monitor, runtime.handle().clone()));
    let acceptors = {
        let _inside = runtime.enter();
        let open = |listener| Acceptor::register(listener).map(Arc::new);
        listeners.entries.iter().map(open).collect::<Result<Vec<_>, _>>()?
    };
    #[cfg(unix)]
    let inbox = {
        let _inside = runtime.enter();
        Inbox::register(server)?
    };
    server.open(&listeners, &acceptors);
    let io_control = Arc::clone(&control);
    let io = std::thread::Builder::new().name("maitred-io".into()).spawn(move || {
        let _ticks = FineTicks::ask();
        let serving = || {
            #[cfg(unix)]
            let _reading = inbox.map(|inbox| runtime.spawn(inbox.read()));
            runtime.block_on(serve(&io_control, acceptors, listeners));
        };
        let io_end = match catch_unwind(AssertUnwindSafe(serving)) {
            Ok(()) => IoEnd::Finished,
            Err(_) => {
                tracing::error!(
                    target: "maitred",
                    "the I/O thread panicked and the server stops; this is a bug in Maitred"
                );
                IoEnd::Panicked
            }
        };
        runtime.shutdown_timeout(Duration::ZERO);
        end(&io_control, io_end);
    })?;
    Ok(Running::new(control, io))
}

/// The main task of the I/O thread.
async fn serve(control: &Arc<Control>, acceptors: Vec<Arc<Acceptor>>, listeners: Listeners) {
    let server = &control.server;
    let shared = &server.shared;
    let (swept, queue) = (Arc::clone(server), Arc::clone(&server.queue));
    let sweeping = tokio::spawn(after_panics("the sweep", move || sweep::run(Arc::clone(&swept))));
    let napping = tokio::spawn(after_panics("the nap", move || nap::run(Arc::clone(&queue))));
    #[cfg(unix)]
    let asked = {
        let (evacuated, published) = (Arc::clone(control), Arc::clone(control));
        let evacuate = move || {
            let control = Arc::clone(&evacuated);
            async move { evacuate::when_asked(&control).await }
        };
        let publish = move || {
            let control = Arc::clone(&published);
            async move { control.publish_when_asked().await }
        };
        [
            tokio::spawn(after_panics("evacuating", evacuate)),
            tokio::spawn(after_panics("publishing", publish)),
        ]
    };
    let accept = |(index, acceptor): (usize, &Arc<Acceptor>)| {
        let (frontend, acceptor) = (Arc::clone(&server.frontend), Arc::clone(acceptor));
        let accept = move || accept::run(Arc::clone(&frontend), Arc::clone(&acceptor), index);
        tokio::spawn(after_panics("accepting", accept))
    };
    let accepting: Vec<_> = acceptors.iter().enumerate().map(accept).collect();

    control.reached(StopStage::Announce).await;
    if control.retires() {
        #[cfg(unix)]
        retire::begin(server);
    } else {
        drain::announce(server);
    }
    match server.supervision() {
        Supervision::Alone => {
            let closes = control.reached(StopStage::Close);
            // Either the delay has passed, or the server was told to stop immediately.
            let _ = tokio::time::timeout(server.settings.timeouts.drain_delay, closes).await;
        }
        Supervision::Supervised => control.reached(StopStage::Close).await,
    }
    for task in accepting {
        task.abort();
        // Wait until the task has ended in any way, because it holds the listening socket.
        let _ = task.await;
    }
    let backlog = if control.retires() { Backlog::Left } else { Backlog::Accepted };
    drain::close(server, acceptors, listeners, backlog).await;
    let deadline: Instant = shared.clock.instant() + server.settings.timeouts.graceful;
    #[cfg(unix)]
    if control.retires() {
        let finished = std::pin::pin!(retire::finish(server, deadline));
        unless_killed(control, finished).await;
    }
    let may_end =
        || server.supervision() == Supervision::Alone || control.has_reached(StopStage::Finish);
    let finished = std::pin::pin!(drain::finish(server, deadline, may_end));
    unless_killed(control, finished).await;
    drain::cut_off(server).await;
    sweeping.abort();
    napping.abort();
    #[cfg(unix)]
    asked.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Waits for `finished`, or until the server is told to stop at once.
async fn unless_killed(control: &Control, mut finished: Pin<&mut impl Future<Output = ()>>) {
    let mut killed = std::pin::pin!(control.reached(StopStage::Kill));
    std::future::poll_fn(|cx| {
        if killed.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        finished.as_mut().poll(cx)
    })
    .await;
}

/// After the I/O thread: ends the workers, and wakes all that wait.
fn end(control: &Control, io_end: IoEnd) {
    let server = &control.server;
    let shared = &server.shared;
    server.queue.deferral.end(shared.clock.instant());
    server.queue.close();
    control.end_monitor();
    match server.workers.end(WORKERS_END_WITHIN) {
        0 if server.supervision() == Supervision::Alone => {
            tracing::info!(target: "maitred", "stopped");
        }
        0 => {}
        left => {
            tracing::warn!(target: "maitred", left, "stopped, with threads still in the application");
        }
    }
    server.phase.reach(ServerPhase::Stopped);
    shared.telemetry.ended(server.threads());
    control.stopped(io_end);
}
