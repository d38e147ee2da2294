//! Our threads as the interpreter sees them, which must be away from it when it shuts down.
//!
//! CPython before 3.14 ends any thread that acquires the lock during shutdown, by unwinding its
//! stack. Nearly all Rust code assumes that a C function does not unwind, so this aborts the process,
//! and a server that was stopped cleanly ends with SIGABRT. Two kinds of threads are concerned:
//!
//! - A thread that Rust owns visits the interpreter to fetch a stack or to replace a stuck worker,
//!   and may have to wait for the lock. Before shutdown begins, visits end, and new ones are
//!   rejected.
//! - A worker thread may still be in the application: its request was cut off, or `request-timeout`
//!   abandoned it. Before shutdown begins, a `SystemExit` is raised in each of these threads, which
//!   ends any Python code, and a thread that is detached does not attach again. Code that blocks in C
//!   notices neither; a program that owns the process checks [`remaining_workers`] and exits without
//!   shutting the interpreter down.
//!
//! `exit.rs` does both. Visits use no locks, because the process may fork at any time.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

static VISITS: AtomicUsize = AtomicUsize::new(0);
static CLOSED: AtomicBool = AtomicBool::new(false);

/// A visit of a thread that Rust owns, which lasts until it is dropped.
pub(crate) struct Visit(());

/// Begins a visit; `None` if the interpreter is about to finalize.
pub(crate) fn begin_visit() -> Option<Visit> {
    // At exit, the order is the reverse, so that one of the two always sees the other.
    VISITS.fetch_add(1, Ordering::SeqCst);
    let visit = Visit(());
    if CLOSED.load(Ordering::SeqCst) { None } else { Some(visit) }
}

impl Drop for Visit {
    fn drop(&mut self) {
        VISITS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Rejects visits from now on.
pub(crate) fn reject_visits() {
    CLOSED.store(true, Ordering::SeqCst);
}

/// Whether there is no visit.
pub(crate) fn no_visits() -> bool {
    VISITS.load(Ordering::SeqCst) == 0
}

/// `threading.get_ident()` of every worker thread. The mutex is held briefly, and never while waiting
/// for the GIL.
static WORKERS: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Whether the interpreter is exiting.
static EXITING: AtomicBool = AtomicBool::new(false);

/// The number of our Python threads that hold the GIL or wait for it.
static ATTACHED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// The number of worker threads that have not ended.
pub fn remaining_workers() -> usize {
    WORKERS.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// Runs `work` on a thread that has released the GIL. Never returns if the interpreter is finalizing
/// by then.
pub fn without_gil<R>(work: impl FnOnce() -> R) -> R {
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            // At exit, the order is the reverse, so that one of the two always sees the other.
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
    if EXITING.load(Ordering::SeqCst) {
        ATTACHED.fetch_sub(1, Ordering::SeqCst);
        loop {
            std::thread::park(); // until the process ends
        }
    }
    result
}

/// Whether the interpreter is exiting, so that exceptions of workers are caused by the server.
pub fn is_exiting() -> bool {
    EXITING.load(Ordering::SeqCst)
}

/// Registers the calling thread as a worker while this exists.
pub(crate) struct Registered {
    ident: u64,
    _counted: Counted,
}

/// Registers the calling thread as one of our Python threads while this exists.
#[derive(Debug)]
pub struct Counted(());

/// Counts the calling thread, which holds the GIL.
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

impl Registered {
    /// `threading.get_ident()`.
    pub(crate) fn ident(&self) -> u64 {
        self.ident
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        WORKERS.lock().unwrap_or_else(PoisonError::into_inner).retain(|ident| *ident != self.ident);
    }
}

/// Starts the exit: threads without the GIL never return to Python, and the others begin nothing new.
/// Returns the identifiers of the workers; none in a forked child (see [`forget`]).
pub(crate) fn begin_exit() -> Option<Vec<u64>> {
    let workers = WORKERS.try_lock().ok()?.clone();
    EXITING.store(true, Ordering::SeqCst);
    Some(workers)
}

/// Whether none of our threads holds the GIL or waits for it.
pub(crate) fn all_detached() -> bool {
    ATTACHED.load(Ordering::SeqCst) == 0
}

/// Resets the state in a forked child, which only has the thread that forked. Another thread may have
/// held the mutex at that moment, and will never release it.
pub(crate) fn forget() {
    VISITS.store(0, Ordering::SeqCst);
    if let Ok(mut workers) = WORKERS.try_lock() {
        workers.clear();
    }
    IS_COUNTED.set(false);
    ATTACHED.store(0, Ordering::SeqCst);
}
