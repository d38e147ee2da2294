//! The whole state of a running server: the state that connections share, the connections, the worker
//! threads, and the listening sockets. It provides the values of a scrape.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use maitred_config::Settings;
use maitred_http_parser::exchange::Application;

#[cfg(unix)]
use crate::board::{Place, monotonic_ns};
use crate::connection::budget::Direction;
use crate::connection::shared::Shared;
use crate::lifecycle::frontend::Frontend;
use crate::lifecycle::phase::ReachedPhase;
use crate::listen::acceptor::Acceptor;
use crate::listen::{ListenAddress, Listeners};
use crate::scheduling::queue::Queue;
use crate::scheduling::workers::WorkerThreads;
use crate::system::spare_descriptors::SpareDescriptors;
use crate::system::tcp_info;
use crate::telemetry::snapshot::{ServerPhase, Snapshot, Subject, ThreadStatus, Threads};

/// The state of a running server.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) settings: Arc<Settings>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) workers: WorkerThreads,
    pub(crate) frontend: Arc<Frontend>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) phase: ReachedPhase,
    /// The listening sockets and their names. The references are weak, so that they do not keep the
    /// sockets open.
    acceptors: OnceLock<Vec<(String, Weak<Acceptor>)>>,
    /// For the metrics, which are read from files.
    _spare: SpareDescriptors,
    /// The place on the board of a supervisor.
    #[cfg(unix)]
    pub(crate) place: Option<Place>,
}

/// Whether a supervisor stops the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supervision {
    /// It is the only process.
    Alone,
    /// It is a worker of a supervisor.
    Supervised,
}

impl ServerState {
    pub(crate) fn new(
        settings: Arc<Settings>,
        shared: Shared,
        queue: Arc<Queue>,
        application: Arc<dyn Application>,
        spare: SpareDescriptors,
    ) -> Self {
        let (of_workers, clock) = (Arc::clone(&queue), Arc::clone(&shared.clock));
        let shared = Arc::new(shared);
        Self {
            workers: WorkerThreads::new(application, of_workers, clock, settings.limits.threads),
            frontend: Arc::new(Frontend::of_server(Arc::clone(&shared), &settings)),
            settings,
            shared,
            queue,
            phase: ReachedPhase::serving(),
            acceptors: OnceLock::new(),
            _spare: spare,
            #[cfg(unix)]
            place: None,
        }
    }

    /// The same, with a place on the board of a supervisor.
    #[cfg(unix)]
    pub(crate) fn with_place(mut self, place: Option<Place>) -> Self {
        self.workers.show_on(place.clone());
        Self { place, ..self }
    }

    /// Shows the supervisor what this process does.
    #[cfg(unix)]
    pub(crate) fn publish(&self) {
        let Some(place) = &self.place else { return };
        let seat = place.seat();
        let threads = self.queue.threads();
        seat.set_threads(threads.count as u64);
        // Written at each change, too. But an application may have written anything to the board.
        self.frontend.show_connections();
        seat.mend_unread();
        seat.set_requests(self.shared.telemetry.requests());
        self.shared.telemetry.publish(seat.published());
        let now = monotonic_ns();
        let stuck_for = self.stuck_for().map(|time| u64::try_from(time.as_nanos()).unwrap_or(now));
        seat.set_stuck_since(stuck_for.map_or(0, |time| now.saturating_sub(time).max(1)));
        seat.set_io_beat(now);
    }

    /// Whether a supervisor stops the server.
    pub(crate) fn supervision(&self) -> Supervision {
        #[cfg(unix)]
        if self.place.is_some() {
            return Supervision::Supervised;
        }
        Supervision::Alone
    }

    /// The listeners are open: from here on the server serves.
    pub(crate) fn open(self: &Arc<Self>, listeners: &Listeners, acceptors: &[Arc<Acceptor>]) {
        let names: Vec<_> = listeners.addresses().map(ListenAddress::name).collect();
        let acceptors = names.iter().cloned().zip(acceptors.iter().map(Arc::downgrade)).collect();
        if self.acceptors.set(acceptors).is_ok() {
            let subject: Weak<Self> = Arc::downgrade(self);
            self.shared.telemetry.serving(subject, &names);
        }
    }

    /// How many listeners there are, whether they are still open or not.
    #[cfg(unix)]
    pub(crate) fn listeners(&self) -> usize {
        self.acceptors.get().map_or(0, Vec::len)
    }
}

impl Subject for ServerState {
    fn phase(&self) -> ServerPhase {
        self.phase.current()
    }

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
            bytes_in_on_disk: self.shared.temp_files.budget.disk_bytes(Direction::In),
            bytes_out_on_disk: self.shared.temp_files.budget.disk_bytes(Direction::Out),
            backlogs: open
                .filter_map(|(name, acceptor)| Some((name.clone(), backlog_of(acceptor)?)))
                .collect(),
        }
    }

    fn queued(&self) -> usize {
        self.queue.len()
    }

    fn stuck_for(&self) -> Option<Duration> {
        let limit = self.settings.timeouts.request?;
        self.workers.stuck_for(self.shared.clock.instant(), limit)
    }

    fn threads(&self) -> Threads {
        self.queue.threads()
    }

    fn thread_statuses(&self, patience: Option<Duration>) -> Vec<ThreadStatus> {
        self.workers.thread_statuses(self.shared.clock.instant(), patience)
    }
}
