//! What a worker is doing, behind the lock of its seat.

use std::sync::Arc;
use std::time::Instant;

use super::requester::Requester;

/// What only its worker, and whoever watches over it, look at.
#[derive(Debug)]
pub(crate) struct Work {
    pub(super) serving: Option<Serving>,
    /// It does not count any more: it has been given up, or has ended.
    pub(super) has_left: bool,
    /// Its worker has ended by itself, and nobody has been told to take its place.
    pub(super) is_deserted: bool,
    /// Since when the worker has not let go of the interpreter.
    pub(super) kept_since: Instant,
    /// When it was woken, until it has the interpreter.
    pub(super) woken_at: Option<Instant>,
    /// It has found nothing, and has not begun to wait.
    pub(super) retiring: bool,
    /// How many requests had been taken, ever, when it took its last one.
    pub(super) taken: u64,
}

impl Work {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            serving: None,
            has_left: false,
            is_deserted: false,
            kept_since: now,
            woken_at: None,
            retiring: false,
            taken: 0,
        }
    }
}

/// What a worker is serving.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) requester: Arc<dyn Requester>,
    pub(crate) since: Instant,
}
