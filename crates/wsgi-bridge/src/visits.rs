//! Visits of Rust threads to the interpreter, which must end before it shuts down.
//!
//! Such a thread fetches a stack or replaces a stuck worker, and may have to wait for the lock.
//! CPython before 3.14 ends any thread that acquires the lock during shutdown, by unwinding its
//! stack, which aborts the process where Rust does not expect it. So before shutdown begins, the
//! interpreter waits for visits to end, and new visits are rejected.
//!
//! No locks are used here: the process may fork at any time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pyo3::prelude::*;

use crate::at_exit::Handler;
use crate::attach;

/// How often it is looked whether visits are over, and how many times at most: for five seconds,
/// where they take milliseconds once they have the lock.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
const LOOKS_MAX: usize = 5000;

static COUNT: AtomicUsize = AtomicUsize::new(0);
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Lasts as long as it is held.
pub(crate) struct Visit(());

/// Begins a visit; `None` when the interpreter is about to shut down.
pub(crate) fn begin() -> Option<Visit> {
    // In this order, and the other way round in `end`: one of the two sees the other.
    COUNT.fetch_add(1, Ordering::SeqCst);
    let visit = Visit(());
    if CLOSED.load(Ordering::SeqCst) { None } else { Some(visit) }
}

impl Drop for Visit {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Asks the interpreter to wait for visits before it shuts down. Does nothing from the second time
/// on.
///
/// # Errors
/// There is no `atexit` module.
pub(crate) fn watch(py: Python<'_>) -> PyResult<()> {
    static END: Handler = Handler::new();
    END.register(py, || wrap_pyfunction!(end, py))
}

/// In a forked child there is nobody but the thread that forked.
pub(crate) fn forget() {
    COUNT.store(0, Ordering::SeqCst);
}

#[pyfunction]
fn end(py: Python<'_>) {
    CLOSED.store(true, Ordering::SeqCst);
    // Without the lock, which they wait for.
    attach::detached(py, || {
        for _ in 0..LOOKS_MAX {
            if COUNT.load(Ordering::SeqCst) == 0 {
                return;
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
    });
}
