//! What happens before the interpreter shuts down (the module `atexit`), so that none of our threads
//! meets it on the way: visits end, then workers that are still in the application.

#![expect(unsafe_code, reason = "an exception for another thread has no safe interface")]

use std::time::Duration;

use pyo3::exceptions::PySystemExit;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::{attach, left_behind, visits};

/// How often it is looked whether they have gone.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// How many times it is looked whether visits are over: for five seconds, where they take
/// milliseconds once they have the lock.
const LOOKS_FOR_VISITS: usize = 5000;

/// How many times it is looked whether workers have gone: for half a second. A thread that runs
/// Python needs the lock once, for milliseconds.
const LOOKS_FOR_WORKERS: usize = 500;

/// Asks the interpreter to call us before it shuts down. The earlier, the more of a program's own
/// exit handlers come before that: they are called in the reverse of the order in which they were
/// registered. Does nothing from the second time on.
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
    visits::close();
    wait(py, LOOKS_FOR_VISITS, visits::are_over);
    let Some(workers) = left_behind::leave() else { return };
    let exit = py.get_type::<PySystemExit>();
    for ident in workers {
        // CPython takes it as unsigned again; identifiers have the width of a `long` everywhere.
        let ident = ident as std::ffi::c_long;
        // SAFETY: we are attached; the function takes any number, and does nothing where no thread
        // has it; it takes a reference of its own to the class.
        unsafe { ffi::PyThreadState_SetAsyncExc(ident, exit.as_ptr()) };
    }
    wait(py, LOOKS_FOR_WORKERS, left_behind::are_away);
}

/// Looks so many times at most whether `is_over`, without the lock, which those need who are waited
/// for.
fn wait(py: Python<'_>, looks: usize, is_over: impl Fn() -> bool + Send + Sync) {
    attach::detached(py, || {
        for _ in 0..looks {
            if is_over() {
                return;
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
    });
}
