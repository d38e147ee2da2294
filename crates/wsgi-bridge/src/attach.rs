//! Who holds the interpreter's lock, and when. Nothing else in this crate attaches or detaches.
//!
//! A worker thread is started by Python, so it is attached for as long as it lives: its thread
//! state, and with it the application's `threading.local` objects, outlasts every request. It lets
//! go only where it waits for something that is not Python, and in between where the source of
//! work asks for that. Threads that Rust owns use [`try_attached`], which fails instead of
//! panicking while the interpreter shuts down.

use pyo3::Python;

/// Runs `work` attached to the interpreter, from a thread that Rust owns. `None` when there is no
/// interpreter to attach to: it has not been started, or it is shutting down.
pub(crate) fn try_attached<R>(work: impl for<'py> FnOnce(Python<'py>) -> R) -> Option<R> {
    Python::try_attach(work)
}

/// Runs `work` without the interpreter's lock: it waits for a client or for work, or it moves so
/// many bytes that other threads should not have to wait for it.
pub(crate) fn detached<R: Send>(py: Python<'_>, work: impl FnOnce() -> R + Send) -> R {
    py.detach(work)
}

/// Lets one other thread have the interpreter, if one wants it. A thread that has waited for
/// longer than CPython's switch interval is sure to get it.
pub(crate) fn give_way(py: Python<'_>) {
    py.detach(|| {});
}
