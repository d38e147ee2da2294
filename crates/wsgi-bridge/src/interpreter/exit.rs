//! The exit handler (`atexit`), which keeps our threads away from the interpreter while it finalizes:
//! it waits for visits to end, then ends the workers that are still in the application.

#![expect(unsafe_code, reason = "an exception for another thread has no safe interface")]

use std::time::Duration;

use pyo3::exceptions::PySystemExit;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::{attach, threads};

/// The interval between checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);

/// The maximum number of checks whether visits are over: five seconds. They take milliseconds once
/// they have the GIL.
const CHECKS_FOR_VISITS: usize = 5000;

/// The maximum number of checks whether workers have ended: half a second. A thread that runs Python
/// needs the GIL once, for milliseconds.
const CHECKS_FOR_WORKERS: usize = 500;

/// Registers an exit handler, once. Exit handlers run in reverse order of registration, so handlers
/// that the program registers later run before it.
///
/// # Errors
/// There is no `atexit` module.
pub fn watch(py: Python<'_>) -> PyResult<()> {
    static REGISTERED: PyOnceLock<()> = PyOnceLock::new();
    let register = || {
        py.import("atexit")?.call_method1("register", (wrap_pyfunction!(end, py)?,))?;
        Ok(())
    };
    REGISTERED.get_or_try_init(py, register).copied()
}

#[pyfunction]
fn end(py: Python<'_>) {
    threads::reject_visits();
    wait(py, CHECKS_FOR_VISITS, threads::no_visits);
    let Some(workers) = threads::begin_exit() else { return };
    let exit = py.get_type::<PySystemExit>();
    for ident in workers {
        // CPython converts it back to unsigned; identifiers have the width of a `long` everywhere.
        let ident = ident as std::ffi::c_long;
        // SAFETY: we are attached; the function takes any number, and does nothing where no thread
        // has it; it takes a reference of its own to the class.
        unsafe { ffi::PyThreadState_SetAsyncExc(ident, exit.as_ptr()) };
    }
    wait(py, CHECKS_FOR_WORKERS, threads::all_detached);
}

/// Checks `is_over` at most this many times, without the GIL, which the threads that are waited for
/// need.
fn wait(py: Python<'_>, checks: usize, is_over: impl Fn() -> bool + Send + Sync) {
    attach::detached(py, || {
        for _ in 0..checks {
            if is_over() {
                return;
            }
            std::thread::park_timeout(CHECK_INTERVAL);
        }
    });
}
