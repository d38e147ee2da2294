//! Exits the process while worker threads are still in the application.
//!
//! A thread that blocks in C, or that catches every exception, cannot be ended. If it returns to
//! Python while the interpreter is finalizing, CPython before 3.14 ends it in a way that aborts the
//! process (see `interpreter::threads` of `maitred-wsgi-bridge`), so a server that stopped gracefully would
//! end with SIGABRT. Therefore, if such threads remain, the last exit handler calls `os._exit` with
//! the intended status, instead of letting the interpreter finalize.

use std::sync::atomic::{AtomicI32, Ordering};

use maitred_wsgi_bridge::interpreter::threads::remaining_workers;
use pyo3::prelude::*;

/// The status is not set yet.
const UNKNOWN: i32 = -1;

static STATUS: AtomicI32 = AtomicI32::new(UNKNOWN);

/// Registers the exit handler. Handlers that are registered later, such as the application's, run
/// before it.
///
/// # Errors
/// `atexit` is not available.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let leave = wrap_pyfunction!(leave_if_threads_are_left, py)?;
    py.import("atexit")?.call_method1("register", (leave,)).map(drop)
}

/// Sets the status with which the process is about to exit.
pub(crate) fn with_status(status: i32) {
    STATUS.store(status, Ordering::Relaxed);
}

#[pyfunction]
fn leave_if_threads_are_left(py: Python<'_>) -> PyResult<()> {
    let status = STATUS.load(Ordering::Relaxed);
    if status == UNKNOWN || remaining_workers() == 0 {
        return Ok(());
    }
    let sys = py.import("sys")?;
    for name in ["stdout", "stderr"] {
        // The reader may be gone, and the error cannot be reported anywhere else.
        let _ = sys.getattr(name).and_then(|stream| stream.call_method0("flush"));
    }
    py.import("os")?.call_method1("_exit", (status,)).map(drop)
}
