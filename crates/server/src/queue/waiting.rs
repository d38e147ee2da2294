//! A request in the queue, and whether its client still waits for the response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::Exchange;

use crate::conn::Conn;

/// A request that has waited this long since its client closed its side has nobody to answer. Until
/// then it may be a client that has only said that it will send no more (RFC 9112 §9.6), and wants
/// its answer.
const HALF_CLOSED_PATIENCE: Duration = Duration::from_millis(100);

/// A request and the connection that it came on.
pub(crate) struct Waiting {
    pub(crate) exchange: Exchange,
    pub(crate) conn: Arc<Conn>,
}

impl Waiting {
    /// Whether nobody is there any more to be answered.
    pub(super) fn has_left(&self, now: Instant) -> bool {
        self.conn.whereabouts.has_left(self.exchange.queued_at, now, HALF_CLOSED_PATIENCE)
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("head", &self.exchange.head).finish_non_exhaustive()
    }
}
