//! Acquires and releases the interpreter's lock. No other module of this crate attaches or
//! detaches.
//!
//! Python starts the worker threads, so a worker is attached for its whole life: its thread state,
//! and with it the application's `threading.local` objects, outlasts every request. It releases the
//! lock only while it waits for something other than Python, and between requests if the source of
//! work asks for that. Threads that Rust owns use `try_attached`, which fails instead of
//! panicking while the interpreter shuts down.

use pyo3::Python;

use super::threads;

/// Runs `work`, which calls into Python, and stops the forced unwinding of CPython before 3.14.
///
/// That CPython ends a thread that requests the GIL during finalization with `pthread_exit`, which
/// unwinds its stack; the process aborts when this meets Rust's `catch_unwind`. If the compiler has
/// kept a landing pad here, the thread waits for the end of the process instead, as in CPython 3.14.
/// An optimised build may have none, because pyo3 declares CPython's functions as not unwinding;
/// `threads` keeps threads from getting that far. `work` should own nothing that is dropped
/// during unwinding, because the GIL is not held then.
pub(crate) fn call_python<R>(work: impl FnOnce() -> R) -> R {
    struct HangUp;
    impl Drop for HangUp {
        fn drop(&mut self) {
            // A panic of Rust continues.
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

/// Runs `work` attached to the interpreter, on a thread that Rust owns. `None` if the interpreter has
/// not been started or is shutting down.
pub(crate) fn try_attached<R>(work: impl for<'py> FnOnce(Python<'py>) -> R) -> Option<R> {
    let _visit = threads::begin_visit()?;
    Python::try_attach(work)
}

/// Waits for the interpreter's lock on a thread that Rust owns, and releases it at once. False if the
/// interpreter is shutting down.
pub fn attach_once() -> bool {
    try_attached(|_| ()).is_some()
}

/// Runs `work` without the GIL, because it waits for a client or for work, or moves so many bytes that
/// other threads should not wait for it.
pub(crate) fn detached<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
    py.detach(|| threads::without_gil(work))
}

/// Gives the GIL to another thread, if one waits for it. A thread that has waited longer than CPython's
/// switch interval is sure to get it.
pub(crate) fn yield_gil(py: Python<'_>) {
    detached(py, || {});
}
