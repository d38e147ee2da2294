//! A request in the queue.

use std::sync::Arc;
use std::time::Instant;

use maitred_http_parser::exchange::Exchange;

use super::requester::Requester;

/// A queued request, and the side that waits for its response.
pub(crate) struct Waiting {
    pub(crate) exchange: Exchange,
    pub(crate) requester: Arc<dyn Requester>,
}

impl Waiting {
    /// Whether no client is left to answer.
    pub(super) fn has_left(&self, now: Instant) -> bool {
        self.requester.has_left(self.exchange.queued_at, now)
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("head", &self.exchange.head).finish_non_exhaustive()
    }
}
