//! Acquires and releases the interpreter's lock. No other module of this crate attaches or
//! detaches.
//!
//! Python starts the worker threads, so a worker is attached for its whole life: its thread state,
//! and with it the application's `threading.local` objects, outlasts every request. It releases the
//! lock only while it waits for something other than Python, and between requests if the source of
//! work asks for that. Threads that Rust owns use [`try_attached`], which fails instead of
//! panicking while the interpreter shuts down.

use pyo3::Python;

use crate::{left_behind, visits};

/// Runs `work`, which calls into Python, and stops an unwinding that CPython before 3.14 begins.
///
/// A thread that asks for the lock while the interpreter shuts down is ended there with
/// `pthread_exit`, which unwinds its stack, and the process aborts where that meets Rust's
/// `catch_unwind`. Where the compiler has kept a landing pad here, the thread waits for the process
/// to end instead, as in CPython 3.14. An optimised build may have none, because pyo3 declares the
/// functions of CPython as not unwinding: what keeps threads from getting that far is `left_behind`.
/// `work` should own nothing that is dropped on the way, because the lock is not held then.
pub(crate) fn in_python<R>(work: impl FnOnce() -> R) -> R {
    struct HangUp;
    impl Drop for HangUp {
        fn drop(&mut self) {
            // A panic is Rust's own, and goes on.
            while !std::thread::panicking() {
                std::thread::park();
            }
        }
    }
    let hang_up = HangUp;
    let result = work();
    std::mem::forget(hang_up);
    result
}

/// Runs `work` attached to the interpreter, from a thread that Rust owns. `None` when there is no
/// interpreter to attach to: it has not been started, or it is shutting down.
pub(crate) fn try_attached<R>(work: impl for<'py> FnOnce(Python<'py>) -> R) -> Option<R> {
    let _visit = visits::begin()?;
    Python::try_attach(work)
}

/// Runs `work` without the interpreter's lock: it waits for a client or for work, or it moves so
/// many bytes that other threads should not have to wait for it.
pub(crate) fn detached<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
    py.detach(|| left_behind::away(work))
}

/// Lets one other thread have the interpreter, if one wants it. A thread that has waited for
/// longer than CPython's switch interval is sure to get it.
pub(crate) fn give_way(py: Python<'_>) {
    detached(py, || {});
}
