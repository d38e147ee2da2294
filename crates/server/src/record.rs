//! What is known of one request when it is over: the line of the access log, and the numbers of
//! the metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::{Client, Peer};

/// One request, from its first byte to the last of its answer.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) head: Arc<RequestHead>,
    pub(crate) client: Client,
    pub(crate) request_id: Option<Arc<str>>,
    /// When its first byte came.
    pub(crate) received_at: Instant,
    /// When it was complete and began to wait for a thread.
    pub(crate) queued_at: Instant,
    /// When a thread took it.
    pub(crate) taken_at: Option<Instant>,
    /// How long the application took, up to `close()`.
    pub(crate) answered_in: Option<Duration>,
    /// The name of the worker thread that answered.
    pub(crate) thread: Option<usize>,
    pub(crate) request_body_bytes: u64,
    pub(crate) response_body_bytes: u64,
    /// The status of the head that has gone.
    pub(crate) status: Option<u16>,
    /// How it ended; `None` until then.
    pub(crate) result: Option<Result>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    /// With a whole response.
    Complete,
    /// With a response that was cut off: the application failed in the middle of it, or wrote less
    /// than it had declared.
    Cut,
    /// The client left before the end.
    Abandoned,
}

impl Record {
    /// Who is named in logs: the client as a trusted proxy told it, else the peer.
    pub(crate) fn peer(&self) -> &Peer {
        &self.client.peer
    }
}
