//! Whether the client is still connected, as far as the server can tell without sending.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::Presence;

/// Whether the client is still there. Apart from the connection, because an application may keep
/// it for as long as it likes, and must not keep a socket open with it.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts {
    gone: AtomicBool,
    half_closed_at: OnceLock<Instant>,
}

impl Whereabouts {
    /// The connection is gone: nothing can be said to the client any more.
    pub(crate) fn is_lost(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// The client will send nothing more; it may still want its answer.
    pub(crate) fn half_closed(&self, now: Instant) {
        // It is the first time that counts.
        let _ = self.half_closed_at.set(now);
    }

    /// Whether nobody is there any more to be answered: the connection broke, or the client has
    /// closed its side and waited for longer than `patience` since then.
    pub(crate) fn has_left(&self, queued_at: Instant, now: Instant, patience: Duration) -> bool {
        let has_waited = |at: &Instant| now.saturating_duration_since(queued_at.max(*at));
        self.gone.load(Ordering::Acquire)
            || self.half_closed_at.get().is_some_and(|at| has_waited(at) >= patience)
    }
}

impl Presence for Whereabouts {
    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) || self.half_closed_at.get().is_some()
    }
}
