//! The interface between scheduling and the connection of a request.
//!
//! The queue orders requests and wakes threads, and does not depend on sockets and protocols. So it
//! can be tested in every interleaving without them (`tests/model.rs`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::Exchange;

use super::siblings::Destination;
use crate::telemetry::RejectReason;

/// The side that waits for the response to a queued request.
pub(crate) trait Requester: std::fmt::Debug + Send + Sync {
    /// Whether no client is left to answer.
    fn has_left(&self) -> bool;

    /// The request was dropped from the queue, because its client has left.
    fn abandoned(&self);

    /// No worker will take the request; it is answered 503.
    fn reject_overloaded(&self, why: RejectReason);

    /// A worker has taken the request, which waited for this time.
    fn taken(&self, worker: usize, waited: Duration, now: Instant);

    /// The worker has finished the request, after this time.
    fn served(&self, lasted: Duration);

    /// The request that the worker took at that time has exceeded `request-timeout`; it is answered
    /// 504, if it has not been answered yet.
    fn time_out(&self, worker: usize, taken_at: Instant);

    /// Requests wait for a worker, while one waits for the client of this connection
    /// ([`Queue::wait_for_requests`](super::queue::Queue::wait_for_requests)).
    fn requests_wait(&self);

    /// Sends the deferred response.
    fn flush(&self, now: Instant);

    /// Hands the connection over to another worker process, with this request, which has been taken
    /// out of the queue. Called by the I/O thread.
    ///
    /// # Errors
    /// It cannot move now; the request is given back.
    fn hand_over(
        self: Arc<Self>,
        request: Box<QueuedRequest>,
        to: Destination,
    ) -> Result<(), Box<QueuedRequest>>;
}

/// A queued request, and the side that waits for its response.
pub(crate) struct QueuedRequest {
    pub(crate) exchange: Exchange,
    pub(crate) requester: Arc<dyn Requester>,
    pub(crate) mobility: Mobility,
    pub(crate) origin: Origin,
}

/// Whether a request can move to another worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mobility {
    /// There is none, or it is too large, or has been answered `100 Continue`.
    Fixed,
    /// The same, and it has been counted as one that waits although another process has room.
    Counted,
    /// It can; its connection has moved so often since its last response.
    Movable { hops: u8 },
}

/// Where a request was queued first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Here,
    /// In another process, which has reserved a place for it.
    Adopted,
}

impl QueuedRequest {
    /// Whether it can move to another worker process.
    pub(super) fn is_movable(&self) -> bool {
        matches!(self.mobility, Mobility::Movable { .. })
    }

    /// Whether no client is left to answer.
    pub(super) fn has_left(&self) -> bool {
        self.requester.has_left()
    }
}

impl std::fmt::Debug for QueuedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueuedRequest").field("head", &self.exchange.head).finish_non_exhaustive()
    }
}
