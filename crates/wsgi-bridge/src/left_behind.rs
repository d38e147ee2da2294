//! Worker threads that are still in the application when the interpreter shuts down: requests that
//! were cut off, and threads that `request-timeout` abandoned.
//!
//! CPython before 3.14 ends such a thread when it next acquires the lock, by unwinding its stack.
//! Nearly all Rust code assumes that a C function does not unwind, so this aborts the process, and
//! a server that was stopped cleanly ends with SIGABRT. So before shutdown begins, a `SystemExit`
//! is raised in each of these threads, which ends any Python code, and a thread that is detached
//! does not attach again. Code that blocks in C notices neither; a program that owns the process
//! checks [`left_behind`] and exits without shutting the interpreter down.

#![expect(unsafe_code, reason = "an exception for another thread has no safe interface")]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PySystemExit;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::at_exit::Handler;
use crate::attach;

/// How often it is looked whether they have gone, and how many times at most: for half a
/// second. A thread that runs Python needs the lock once, for milliseconds.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
const LOOKS_MAX: usize = 500;

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
            // In this order, and the other way round in `end`: one of the two sees the other.
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

/// Asks the interpreter to let them go before it shuts down: the earlier, the more of a program's own
/// exit handlers come before that. Does nothing from the second time on.
///
/// # Errors
/// There is no `atexit` module.
pub fn watch(py: Python<'_>) -> PyResult<()> {
    static END: Handler = Handler::new();
    END.register(py, || wrap_pyfunction!(end, py))
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

#[pyfunction]
fn end(py: Python<'_>) {
    let workers = match WORKERS.try_lock() {
        Ok(workers) => workers.clone(),
        Err(_) => return, // a forked child, see above
    };
    // From here on, whoever is away does not come back, and whoever is not begins nothing more.
    LEAVING.store(true, Ordering::SeqCst);
    let exit = py.get_type::<PySystemExit>();
    for ident in workers {
        // CPython takes it as unsigned again; identifiers have the width of a `long` everywhere.
        let ident = ident as std::ffi::c_long;
        // SAFETY: we are attached; the function takes any number, and does nothing where no thread
        // has it; it takes a reference of its own to the class.
        unsafe { ffi::PyThreadState_SetAsyncExc(ident, exit.as_ptr()) };
    }
    // Without the lock, which they need to notice.
    attach::detached(py, || {
        for _ in 0..LOOKS_MAX {
            if ATTACHED.load(Ordering::SeqCst) == 0 {
                return;
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
    });
}
