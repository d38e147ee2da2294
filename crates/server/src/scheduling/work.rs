//! The occupation of a worker, behind the lock of its seat.

use std::sync::Arc;
use std::time::Instant;

use super::requester::Requester;

/// The state of a worker, used only by the worker itself and by the watch.
#[derive(Debug)]
pub(crate) struct Work {
    pub(super) serving: Option<Serving>,
    /// Whether it is no longer counted, because it was abandoned or has ended.
    pub(super) has_left: bool,
    /// Whether it has ended unexpectedly, and no replacement has been requested.
    pub(super) is_deserted: bool,
    /// Since when the worker has not released the GIL.
    pub(super) kept_since: Instant,
    /// When it was woken; reset when it has the GIL.
    pub(super) woken_at: Option<Instant>,
    /// Whether it has found nothing, and has not begun to sleep.
    pub(super) retiring: bool,
    /// The total number of requests taken when it took its last one.
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

/// The request that a worker is serving.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) requester: Arc<dyn Requester>,
    pub(crate) since: Instant,
}
