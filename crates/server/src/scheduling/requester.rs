//! The interface between scheduling and the connection of a request.
//!
//! The queue orders requests and wakes threads, and does not depend on sockets and protocols. So it
//! can be tested in every interleaving without them (`tests/model.rs`).

use std::time::{Duration, Instant};

use crate::telemetry::RejectReason;
use crate::telemetry::subject::RequestSummary;

/// The side that waits for the response to a queued request.
pub(crate) trait Requester: std::fmt::Debug + Send + Sync {
    /// Whether no client is left to answer.
    fn has_left(&self, queued_at: Instant, now: Instant) -> bool;

    /// The request was dropped from the queue, because its client has left.
    fn abandoned(&self);

    /// No worker will take the request; it is answered 503.
    fn turn_away(&self, why: RejectReason);

    /// A worker has taken the request, which waited for this time.
    fn taken(&self, worker: usize, waited: Duration, now: Instant);

    /// The worker has finished the request, after this time.
    fn served(&self, lasted: Duration);

    /// The request that the worker took at that time has exceeded `request-timeout`; it is answered
    /// 504, if it has not been answered yet.
    fn time_out(&self, worker: usize, taken_at: Instant);

    /// Sends the deferred response.
    fn flush(&self, now: Instant);

    /// Describes the request that was taken at that time.
    fn summary(&self, taken_at: Instant, now: Instant) -> RequestSummary;
}
