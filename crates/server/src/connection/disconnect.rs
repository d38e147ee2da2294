//! Whether the client is still connected, as far as the server can tell without sending.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::Presence;

/// Whether the client is still connected. It is separate from the connection, because an application
/// may keep it indefinitely, and must not keep the socket open with it.
#[derive(Debug, Default)]
pub(crate) struct ClientPresence {
    gone: AtomicBool,
    half_closed_at: OnceLock<Instant>,
}

impl ClientPresence {
    /// The connection is closed: nothing more can be sent.
    pub(crate) fn is_lost(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// The client will send nothing more, but may still want the response.
    pub(crate) fn half_closed(&self, now: Instant) {
        // Only the first time counts.
        let _ = self.half_closed_at.set(now);
    }

    /// Whether no client is left to answer: the connection is closed, or the client closed its side
    /// longer than `patience` ago.
    pub(crate) fn has_left(&self, queued_at: Instant, now: Instant, patience: Duration) -> bool {
        let has_waited = |at: &Instant| now.saturating_duration_since(queued_at.max(*at));
        self.gone.load(Ordering::Acquire)
            || self.half_closed_at.get().is_some_and(|at| has_waited(at) >= patience)
    }
}

impl Presence for ClientPresence {
    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) || self.half_closed_at.get().is_some()
    }
}
