//! Visits of Rust threads to the interpreter, which must end before it shuts down.
//!
//! Such a thread fetches a stack or replaces a stuck worker, and may have to wait for the lock.
//! CPython before 3.14 ends any thread that acquires the lock during shutdown, by unwinding its
//! stack, which aborts the process where Rust does not expect it. So before shutdown begins, the
//! interpreter waits for visits to end, and new visits are rejected (`at_exit.rs`).
//!
//! No locks are used here: the process may fork at any time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static COUNT: AtomicUsize = AtomicUsize::new(0);
static CLOSED: AtomicBool = AtomicBool::new(false);

/// A visit, which lasts until it is dropped.
pub(crate) struct Visit(());

/// Begins a visit; `None` if the interpreter is about to finalize.
pub(crate) fn begin() -> Option<Visit> {
    // At exit, the order is the reverse, so that one of the two always sees the other.
    COUNT.fetch_add(1, Ordering::SeqCst);
    let visit = Visit(());
    if CLOSED.load(Ordering::SeqCst) { None } else { Some(visit) }
}

impl Drop for Visit {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Resets the count in a forked child, which only has the thread that forked.
pub(crate) fn forget() {
    COUNT.store(0, Ordering::SeqCst);
}

/// Rejects visits from now on.
pub(crate) fn close() {
    CLOSED.store(true, Ordering::SeqCst);
}

/// Whether there is no visit.
pub(crate) fn are_over() -> bool {
    COUNT.load(Ordering::SeqCst) == 0
}
