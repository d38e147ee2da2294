//! The admin listener: probes, metrics and status, from a thread that nothing else can block.
//!
//! It has its own thread and reactor, is bound before the application is imported, and needs
//! neither the interpreter, nor the queue, nor a connection under `connection-limit`: it answers
//! even if everything else is stuck, which is when it is needed. Its connections are served by the
//! same code as those of the server, in an instance of their own, which counts and logs nothing; the
//! thread answers their requests itself. Its clients are trusted not to attack it, but not to behave
//! well: connections are few and short-lived, and the oldest is closed to make room for the newest.
//! It answers also when no descriptor is left (`system/spare_descriptors.rs`).

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use maitred_config::{Endpoint, HostName, RequestId, Settings};
use maitred_http_parser::Limits;
use maitred_http_parser::connection::{Rules, Timeouts};
use maitred_http_parser::forwarded::Trust;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::Notify;

use crate::connection::descriptors::ClientDescriptors;
use crate::connection::policy::Policy;
use crate::connection::request_id::RequestIds;
use crate::connection::shared::{Answers, Shared};
use crate::connection::temp_files::TempFiles;
use crate::lifecycle::frontend::{AtLimit, Frontend};
use crate::lifecycle::restart::after_panics;
use crate::lifecycle::{accept, sweep};
use crate::listen::acceptor::Acceptor;
use crate::listen::{BindError, ListenAddress, Listener, after_parent, bind_admin};
use crate::system::clock::Clock;
use crate::system::spare_descriptors::SpareDescriptors;
use crate::telemetry::Telemetry;

mod history;
mod live;
mod page;
mod pages;
mod report;
mod requested_host;
mod status_page;

use live::Live;
pub use report::{Report, ServerTotals};
use requested_host::AllowedHosts;

/// The maximum number of connections: streams of events, and as many as before for everybody else.
/// Prometheus has one, the kubelet one for each probe.
const CONNECTIONS_MAX: usize = live::STREAMS_MAX + 32;

/// The maximum number of threads that wait for the interpreter to supply stacks.
const WAITING_THREADS_MAX: usize = 2;

/// The maximum length of a request head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The maximum length of a request body. Nothing is made of it, so it stays in memory.
const BODY_BYTES_MAX: usize = 4096;

/// The most events that are kept for a client that does not read them: those of some seconds.
const UNREAD_BYTES_MAX: u64 = 1024 * 1024;

/// The timeouts. Keep-alive is longer than common scrape intervals, so that the connection of
/// Prometheus persists.
const TIMEOUTS: Timeouts = Timeouts {
    keep_alive: Duration::from_secs(75),
    head: Duration::from_secs(5),
    body: Duration::from_secs(5),
    write: Duration::from_secs(5),
};

/// A bound admin listener.
#[derive(Debug)]
pub struct Admin {
    listeners: Vec<Listener>,
    /// The name in `admin-listen`, if it is one.
    name: Option<String>,
    server: Option<String>,
    clock: Arc<Clock>,
}

/// A running admin listener. It serves until this is dropped.
#[derive(Debug)]
pub struct AdminThread {
    frontend: Arc<Frontend>,
    /// Starts tasks on the thread.
    tasks: Handle,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
    _spare: SpareDescriptors,
}

impl Admin {
    /// Binds the address of `admin-listen`; `None` if it is not set.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(settings: &Settings) -> Result<Option<Self>, BindError> {
        let Some(endpoint) = &settings.network.admin_listen else { return Ok(None) };
        let listeners = bind_admin(endpoint, settings)?;
        let name = match endpoint {
            Endpoint::Tcp { host: HostName::Name(name), .. } => Some(name.clone()),
            Endpoint::Tcp { host: HostName::Any, .. }
            | Endpoint::Unix { .. }
            | Endpoint::Descriptor(_) => None,
        };
        Ok(Some(Self {
            listeners,
            name,
            server: settings.application.ident.clone(),
            clock: Arc::default(),
        }))
    }

    /// Uses this clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The same in a process that was forked by one that has the address, and is about to end.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind_after_parent(settings: &Settings) -> Result<Option<Self>, BindError> {
        after_parent(|| Self::bind(settings))
    }

    /// The addresses that it listens on.
    pub fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.listeners.iter().map(|listener| &listener.address)
    }

    /// Starts to serve.
    ///
    /// # Errors
    /// The thread or its reactor could not be created.
    pub fn start(self, report: Arc<dyn Report>) -> io::Result<AdminThread> {
        let Self { mut listeners, name, server, clock } = self;
        let keep = Listener::keep_from_children;
        listeners.iter_mut().try_for_each(keep).map_err(io::Error::other)?;
        let live = Arc::new(Live::new(Arc::clone(&report), Arc::clone(&clock)));
        let told = Arc::clone(&live);
        let allowed = |listener: &Listener| AllowedHosts::of(&listener.address, name.as_deref());
        let allowed: Vec<_> = listeners.iter().map(allowed).collect();
        let shared = Shared {
            policy: Arc::new(policy(server)),
            request_ids: RequestIds::new(clock.wall()),
            clock,
            answers: Answers::AtOnce(Box::new(move |exchange| {
                let hosts = allowed.get(exchange.client.listener);
                if hosts.is_none_or(|hosts| hosts.contain(exchange.head.host())) {
                    pages::answer(&report, &told, exchange);
                } else {
                    pages::misdirected(exchange);
                }
            })),
            temp_files: TempFiles::unlimited(None),
            descriptors: Arc::new(ClientDescriptors::unlimited()),
            telemetry: Arc::new(Telemetry::silent()),
            #[cfg(unix)]
            siblings: None,
        };
        let frontend = Frontend::new(Arc::new(shared), CONNECTIONS_MAX, AtLimit::CloseOldest);
        let frontend = Arc::new(frontend);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(WAITING_THREADS_MAX)
            .build()?;
        let acceptors = {
            let _inside = runtime.enter();
            let register = |listener| Acceptor::register(listener).map(Arc::new);
            listeners.iter().map(register).collect::<io::Result<Vec<_>>>()?
        };
        let tasks = runtime.handle().clone();
        let stop = Arc::new(Notify::new());
        let (stopped, served) = (Arc::clone(&stop), Arc::clone(&frontend));
        let thread = std::thread::Builder::new().name("maitred-admin".into()).spawn(move || {
            spawn_tasks(&runtime, &served, &live, acceptors);
            runtime.block_on(stopped.notified());
            runtime.shutdown_timeout(Duration::ZERO);
            drop(listeners); // also removes the file of a Unix socket
        })?;
        let spare = SpareDescriptors::keep();
        Ok(AdminThread { frontend, tasks, stop, thread: Some(thread), _spare: spare })
    }
}

impl AdminThread {
    /// Checks all deadlines now. For tests that advance the clock.
    pub fn tick(&self) {
        let frontend = Arc::clone(&self.frontend);
        sweep::on_thread_of(&self.tasks, move || {
            frontend.sweep(Duration::ZERO);
        });
    }

    /// The number of requests that have begun and not ended. For the same tests.
    pub fn requests_in_progress(&self) -> usize {
        self.frontend.connections().in_progress
    }
}

impl Drop for AdminThread {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in it has already been printed.
            let _ = thread.join();
        }
    }
}

fn policy(server: Option<String>) -> Policy {
    let limits = Limits {
        head_bytes: HEAD_BYTES_MAX,
        body_bytes: BODY_BYTES_MAX as u64,
        ..Limits::default()
    };
    Policy {
        rules: Arc::new(Rules { limits: Arc::new(limits), timeouts: TIMEOUTS, server }),
        trust: Trust::default(),
        request_id: RequestId::Off,
        body_memory_max: BODY_BYTES_MAX,
        // A page is made in memory as a whole, and the next one when it has been sent. A stream is given
        // up above the mark.
        output_memory_max: u64::MAX,
        output_high_watermark: UNREAD_BYTES_MAX,
        logged_fields: Vec::new(),
    }
}

fn spawn_tasks(
    runtime: &Runtime,
    frontend: &Arc<Frontend>,
    live: &Arc<Live>,
    acceptors: Vec<Arc<Acceptor>>,
) {
    let live = Arc::clone(live);
    let tell = move || {
        let live = Arc::clone(&live);
        sweep::periodically(move |_| live.tick())
    };
    runtime.spawn(after_panics("the live page of admin-listen", tell));
    let swept = Arc::clone(frontend);
    let sweep = move || {
        let frontend = Arc::clone(&swept);
        sweep::periodically(move |standstill| {
            frontend.sweep(standstill);
        })
    };
    runtime.spawn(after_panics("the sweep of admin-listen", sweep));
    for (index, acceptor) in acceptors.into_iter().enumerate() {
        let frontend = Arc::clone(frontend);
        let accept = move || accept::run(Arc::clone(&frontend), Arc::clone(&acceptor), index);
        runtime.spawn(after_panics("accepting on admin-listen", accept));
    }
}
