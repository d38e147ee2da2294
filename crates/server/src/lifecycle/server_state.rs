//! The whole state of a running server: the state that connections share, the connections, the worker
//! threads, and the listening sockets. It provides the values of a scrape.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use maitred_config::Settings;
use maitred_http_parser::exchange::Application;

use crate::connection::shared::Shared;
use crate::lifecycle::frontend::Frontend;
use crate::listen::acceptor::Acceptor;
use crate::listen::{ListenAddress, Listeners};
use crate::scheduling::queue::Queue;
use crate::scheduling::workers::WorkerThreads;
use crate::system::tcp_info;
use crate::telemetry::snapshot::{Snapshot, Subject, ThreadStatus, Threads};

/// The state of a running server.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) settings: Arc<Settings>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) workers: WorkerThreads,
    pub(crate) frontend: Arc<Frontend>,
    pub(crate) queue: Arc<Queue>,
    /// The listening sockets and their names. The references are weak, so that they do not keep the
    /// sockets open.
    acceptors: OnceLock<Vec<(String, Weak<Acceptor>)>>,
}

impl ServerState {
    pub(crate) fn new(
        settings: Arc<Settings>,
        shared: Shared,
        queue: Arc<Queue>,
        application: Arc<dyn Application>,
    ) -> Self {
        let (of_workers, clock) = (Arc::clone(&queue), Arc::clone(&shared.clock));
        let shared = Arc::new(shared);
        Self {
            workers: WorkerThreads::new(application, of_workers, clock, settings.limits.threads),
            frontend: Arc::new(Frontend::of_server(Arc::clone(&shared), &settings)),
            settings,
            shared,
            queue,
            acceptors: OnceLock::new(),
        }
    }

    /// The listeners are open: from here on the server serves.
    pub(crate) fn open(self: &Arc<Self>, listeners: &Listeners, acceptors: &[Arc<Acceptor>]) {
        let names = listeners.addresses().map(|address| match address {
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix(path) => format!("unix:{}", path.display()),
        });
        let names: Vec<_> = names.collect();
        let acceptors = names.iter().cloned().zip(acceptors.iter().map(Arc::downgrade)).collect();
        if self.acceptors.set(acceptors).is_ok() {
            let subject: Weak<Self> = Arc::downgrade(self);
            self.shared.telemetry.serving(subject, &names);
        }
    }
}

impl Subject for ServerState {
    fn snapshot(&self) -> Snapshot {
        let queue = &self.queue;
        let now = self.shared.clock.instant();
        let acceptors = self.acceptors.get().map(Vec::as_slice).unwrap_or_default();
        let open =
            acceptors.iter().filter_map(|(name, acceptor)| Some((name, acceptor.upgrade()?)));
        let backlog_of = |acceptor: Arc<Acceptor>| tcp_info::backlog(&acceptor.socket());
        Snapshot {
            queued: queue.len(),
            oldest: queue.oldest().map(|since| now.saturating_duration_since(since)),
            stuck: self.workers.stuck(),
            connections: self.frontend.connections(),
            bytes_in_on_disk: self.shared.temp_files.disk_bytes(),
            backlogs: open
                .filter_map(|(name, acceptor)| Some((name.clone(), backlog_of(acceptor)?)))
                .collect(),
        }
    }

    fn threads(&self) -> Threads {
        self.queue.threads()
    }

    fn thread_statuses(&self, patience: Option<Duration>) -> Vec<ThreadStatus> {
        self.workers.thread_statuses(self.shared.clock.instant(), patience)
    }
}
