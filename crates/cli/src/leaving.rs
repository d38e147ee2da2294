//! How the process ends when worker threads are still in the application: with the status that it
//! should have, and without shutting the interpreter down under them.
//!
//! Nothing can end a thread that blocks in C, or that catches whatever is raised. Where one comes
//! back while the interpreter shuts down, CPython before 3.14 ends it in a way that aborts the
//! process (see `left_behind` of `maitred-wsgi-bridge`): a server that was stopped in good order
//! would end with SIGABRT. So Python runs its exit handlers as always, and then, instead of shutting
//! down, the process is left.

use std::sync::atomic::{AtomicI32, Ordering};

use maitred_wsgi_bridge::left_behind::left_behind;
use pyo3::prelude::*;

/// Not told yet: nobody leaves before it is.
const UNKNOWN: i32 = -1;

static STATUS: AtomicI32 = AtomicI32::new(UNKNOWN);

/// Registers the last of Python's exit handlers: it is called after all that are registered from now
/// on, the application's among them.
///
/// # Errors
/// There is no `atexit` module.
pub(crate) fn prepare(py: Python<'_>) -> PyResult<()> {
    let leave = wrap_pyfunction!(leave_if_threads_are_left, py)?;
    py.import("atexit")?.call_method1("register", (leave,)).map(drop)
}

/// The status with which the process is about to end.
pub(crate) fn with_status(status: i32) {
    STATUS.store(status, Ordering::Relaxed);
}

#[pyfunction]
fn leave_if_threads_are_left(py: Python<'_>) -> PyResult<()> {
    let status = STATUS.load(Ordering::Relaxed);
    if status == UNKNOWN || left_behind() == 0 {
        return Ok(());
    }
    let sys = py.import("sys")?;
    for name in ["stdout", "stderr"] {
        // Whoever reads it may be gone, and there is nobody else to tell.
        let _ = sys.getattr(name).and_then(|stream| stream.call_method0("flush"));
    }
    py.import("os")?.call_method1("_exit", (status,)).map(drop)
}
