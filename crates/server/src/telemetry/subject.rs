//! What a scrape and the status page ask a running server. The server implements it, so that
//! telemetry depends on no other part.

use std::sync::Arc;
use std::time::Duration;

use super::backlog::Backlog;
use super::event::{Doing, Label};

/// A server that can be looked at.
pub(crate) trait Subject: Send + Sync {
    /// Its state at this moment. Asks every connection.
    fn snapshot(&self) -> Snapshot;

    /// What its threads have been doing.
    fn threads(&self) -> Threads;

    /// What each thread is doing now; with stacks if `patience` is given, which is how long the
    /// interpreter is waited for altogether.
    fn occupations(&self, patience: Option<Duration>) -> Vec<Occupation>;
}

/// The state of a server at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Requests that wait for a thread.
    pub(crate) queued: usize,
    /// How long the one has waited that waits longest.
    pub(crate) oldest: Option<Duration>,
    /// Threads that still run a request that has been given up.
    pub(crate) stuck: usize,
    pub(crate) connections: Connections,
    /// Bytes of request bodies in temporary files.
    pub(crate) bytes_in_on_disk: u64,
    /// The accept queues of the listening sockets that tell, by the names of those.
    pub(crate) backlogs: Vec<(String, Backlog)>,
}

/// What worker threads have been doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Threads {
    /// Threads that exist.
    pub(crate) count: usize,
    /// Those that serve a request now.
    pub(crate) busy: usize,
    /// Thread-seconds spent serving.
    pub(crate) busy_time: Duration,
    /// Seconds in which every thread was busy.
    pub(crate) saturated_time: Duration,
    /// Seconds that woken threads waited for the interpreter.
    pub(crate) attach_time: Duration,
}

/// What all connections are doing, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Connections in each state, in the order of [`Doing`].
    pub(crate) by_state: [usize; 5],
    /// Requests that have begun and not ended.
    pub(crate) in_progress: usize,
    /// Bytes of request bodies in memory.
    pub(crate) bytes_in: u64,
    /// Bytes of response bodies in memory.
    pub(crate) bytes_out: u64,
    /// Bytes of response bodies in temporary files.
    pub(crate) bytes_out_on_disk: u64,
}

impl Connections {
    /// Counts one more connection.
    pub(crate) fn count(&mut self, doing: Doing) {
        self.by_state[doing.index()] += 1;
        self.in_progress += usize::from(doing != Doing::Idle);
    }

    /// The states by name.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        Doing::ALL.iter().map(|doing| (doing.name(), self.by_state[doing.index()]))
    }
}

/// What a thread is doing, for a person.
#[derive(Debug)]
pub(crate) struct Occupation {
    pub(crate) thread: String,
    pub(crate) is_stuck: bool,
    pub(crate) request: Option<RequestSummary>,
    pub(crate) stack: Option<String>,
}

/// A request as a line of the log describes it.
#[derive(Clone, Debug)]
pub(crate) struct RequestSummary {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) client: String,
    pub(crate) request_id: Option<Arc<str>>,
    pub(crate) runs_for: Duration,
}
