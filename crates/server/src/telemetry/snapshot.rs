//! The state of a running server for scrapes and the status page. The server implements the trait, so
//! telemetry does not depend on other parts.

use std::sync::Arc;
use std::time::Duration;

use super::labels::{ConnectionState, Label};
use crate::system::tcp_info::AcceptQueue;

/// A server whose state can be read.
pub(crate) trait Subject: Send + Sync {
    /// How far it has come.
    fn phase(&self) -> ServerPhase;

    /// The current state. It visits every connection.
    fn snapshot(&self) -> Snapshot;

    /// The number of requests that wait for a thread.
    fn queued(&self) -> usize;

    /// For how long no thread has been able to take a request, because all are stuck.
    fn stuck_for(&self) -> Option<Duration>;

    /// The usage of its threads.
    fn threads(&self) -> Threads;

    /// The occupation of each thread; with stacks if `patience` is given, which is the maximum total
    /// time to wait for the interpreter.
    fn thread_statuses(&self, patience: Option<Duration>) -> Vec<ThreadStatus>;
}

/// How far a server has come that has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum ServerPhase {
    /// It serves.
    Serving,
    /// It finishes what has begun.
    Draining,
    /// It has ended.
    Stopped,
}

/// The state of a server at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Requests that wait for a thread.
    pub(crate) queued: usize,
    /// How long the oldest one has waited.
    pub(crate) oldest: Option<Duration>,
    /// Threads that still run an aborted request.
    pub(crate) stuck: usize,
    pub(crate) connections: Connections,
    /// Bytes of request bodies in temporary files.
    pub(crate) bytes_in_on_disk: u64,
    /// Bytes of responses in temporary files.
    pub(crate) bytes_out_on_disk: u64,
    /// The accept queues of the listening sockets, by name, where available.
    pub(crate) backlogs: Vec<(String, AcceptQueue)>,
}

/// The usage of the worker threads.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Threads {
    /// The number of threads.
    pub(crate) count: usize,
    /// The number of threads that are serving a request.
    pub(crate) busy: usize,
    /// Thread-seconds spent serving.
    pub(crate) busy_time: Duration,
    /// Seconds in which every thread was busy.
    pub(crate) saturated_time: Duration,
    /// Seconds that woken threads waited for the GIL.
    pub(crate) attach_time: Duration,
}

/// What all connections are doing, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Connections in each state, in the order of [`ConnectionState`].
    pub(crate) by_state: [usize; 5],
    /// Requests that have begun and not ended.
    pub(crate) in_progress: usize,
    /// Bytes of requests in memory.
    pub(crate) bytes_in: u64,
    /// Bytes of responses in memory.
    pub(crate) bytes_out: u64,
}

impl Connections {
    /// Counts one more connection.
    pub(crate) fn count(&mut self, doing: ConnectionState) {
        self.by_state[doing.index()] += 1;
        self.in_progress += usize::from(doing != ConnectionState::Idle);
    }

    /// The states by name.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        ConnectionState::ALL.iter().map(|doing| (doing.name(), self.by_state[doing.index()]))
    }
}

/// What a thread is doing, for a person.
#[derive(Debug)]
pub(crate) struct ThreadStatus {
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
