//! Worker threads that are still in the application when the interpreter shuts down: requests that
//! were cut off, and threads that `request-timeout` abandoned.
//!
//! CPython before 3.14 ends such a thread when it next acquires the lock, by unwinding its stack.
//! Nearly all Rust code assumes that a C function does not unwind, so this aborts the process, and
//! a server that was stopped cleanly ends with SIGABRT. So before shutdown begins, a `SystemExit`
//! is raised in each of these threads (`at_exit.rs`), which ends any Python code, and a thread that
//! is detached does not attach again. Code that blocks in C notices neither; a program that owns the
//! process checks [`left_behind`] and exits without shutting the interpreter down.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

/// `threading.get_ident()` of every worker thread. The lock is held for moments, and never while
/// waiting for the interpreter.
static WORKERS: Mutex<Vec<u64>> = Mutex::new(Vec::new());

static LEAVING: AtomicBool = AtomicBool::new(false);

/// How many worker threads have not ended.
pub fn left_behind() -> usize {
    WORKERS.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// How many threads of ours that Python has started hold the interpreter's lock or want it.
static ATTACHED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` away from the interpreter, on a thread that has let go of its lock. Does not come back
/// to it once it is on its way out.
pub fn away<R>(work: impl FnOnce() -> R) -> R {
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            // In this order, and the other way round at exit: one of the two sees the other.
            ATTACHED.fetch_add(1, Ordering::SeqCst);
        }
    }
    if !IS_COUNTED.get() {
        return work();
    }
    ATTACHED.fetch_sub(1, Ordering::SeqCst);
    let back = Back;
    let result = work();
    drop(back);
    if LEAVING.load(Ordering::SeqCst) {
        ATTACHED.fetch_sub(1, Ordering::SeqCst);
        loop {
            std::thread::park(); // until the process ends
        }
    }
    result
}

/// Whether the interpreter is on its way out, and what workers raise is our own asking.
pub fn is_leaving() -> bool {
    LEAVING.load(Ordering::SeqCst)
}

/// The calling thread is a worker for as long as this lives.
pub(crate) struct Registered {
    ident: u64,
    _counted: Counted,
}

/// The calling thread is one of ours, and Python's, for as long as this lives.
#[derive(Debug)]
pub struct Counted(());

/// Counts the calling thread, which holds the interpreter's lock.
pub fn count() -> Counted {
    IS_COUNTED.set(true);
    ATTACHED.fetch_add(1, Ordering::SeqCst);
    Counted(())
}

impl Drop for Counted {
    fn drop(&mut self) {
        IS_COUNTED.set(false);
        ATTACHED.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Registers the calling thread.
///
/// # Errors
/// There is no `threading` module.
pub(crate) fn register(py: Python<'_>) -> PyResult<Registered> {
    let ident = py.import("threading")?.call_method0("get_ident")?.extract()?;
    WORKERS.lock().unwrap_or_else(PoisonError::into_inner).push(ident);
    Ok(Registered { ident, _counted: count() })
}

impl Drop for Registered {
    fn drop(&mut self) {
        WORKERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|ident| *ident != self.ident);
    }
}

/// In a forked child there is nobody but the thread that forked. Another one may have held the lock
/// at that moment, and nobody will give it back then.
pub(crate) fn forget() {
    if let Ok(mut workers) = WORKERS.try_lock() {
        workers.clear();
    }
    IS_COUNTED.set(false);
    ATTACHED.store(0, Ordering::SeqCst);
}

/// From here on, whoever is away does not come back, and whoever is not begins nothing more. Tells
/// the identifiers of the workers; nothing in a forked child (see [`forget`]).
pub(crate) fn leave() -> Option<Vec<u64>> {
    let workers = WORKERS.try_lock().ok()?.clone();
    LEAVING.store(true, Ordering::SeqCst);
    Some(workers)
}

/// Whether none of our threads holds the interpreter's lock, or wants it.
pub(crate) fn are_away() -> bool {
    ATTACHED.load(Ordering::SeqCst) == 0
}
