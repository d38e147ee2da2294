//! What scheduling asks of, and tells, the connection that a request came on.
//!
//! The queue orders requests and wakes threads; it knows nothing of sockets and protocols. So it
//! can be tried in every order without either (`tests/model.rs`).

use std::time::{Duration, Instant};

use crate::telemetry::Turned;
use crate::telemetry::subject::RequestSummary;

/// Who waits for the response to a queued request.
pub(crate) trait Requester: std::fmt::Debug + Send + Sync {
    /// Whether nobody is there any more to be answered.
    fn has_left(&self, queued_at: Instant, now: Instant) -> bool;

    /// The request is dropped from the queue, because its client has left.
    fn abandoned(&self);

    /// No worker will take the request: it is answered 503.
    fn turn_away(&self, why: Turned);

    /// A worker has taken the request, which had waited for so long.
    fn taken(&self, worker: usize, waited: Duration, now: Instant);

    /// The worker has done with it, after so long.
    fn served(&self, lasted: Duration);

    /// The request that the worker took then has run for as long as it may: it is answered 504, if
    /// it has not been answered yet.
    fn time_out(&self, worker: usize, taken_at: Instant);

    /// Sends what was deferred.
    fn flush(&self, now: Instant);

    /// Describes the request that was taken then.
    fn summary(&self, taken_at: Instant, now: Instant) -> RequestSummary;
}
