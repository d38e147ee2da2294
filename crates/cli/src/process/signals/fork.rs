//! Resets signal handlers in a process that the application forks (`multiprocessing`, `os.fork`).
//!
//! The child is not a server: it gets Python's default handlers, and does not wake our main thread.
//! CPython drops signals between the fork and the end of the child's initialisation if a Python
//! handler is set. So SIGTERM and SIGINT are blocked until the child has the default handlers, and
//! `Process.terminate()` always works.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::{Handler, set_wakeup};

/// The number of servers with installed handlers.
static INSTALLED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The signal mask of this thread before the fork.
    static MASK: RefCell<Option<Py<PyAny>>> = const { RefCell::new(None) };
}

/// Represents installed handlers; forked children are handled as long as one exists.
#[derive(Debug)]
pub(super) struct Installed(());

impl Installed {
    /// Registers the fork hooks, once per process; they cannot be unregistered.
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        static WATCHED: PyOnceLock<()> = PyOnceLock::new();
        WATCHED.get_or_try_init(py, || {
            // Windows cannot fork.
            let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
                return Ok(());
            };
            let hooks = PyDict::new(py);
            hooks.set_item("before", wrap_pyfunction!(before, py)?)?;
            hooks.set_item("after_in_parent", wrap_pyfunction!(after_in_parent, py)?)?;
            hooks.set_item("after_in_child", wrap_pyfunction!(after_in_child, py)?)?;
            register.call((), Some(&hooks)).map(drop)
        })?;
        INSTALLED.fetch_add(1, Ordering::Relaxed);
        Ok(Self(()))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        INSTALLED.fetch_sub(1, Ordering::Relaxed);
    }
}

#[pyfunction]
fn before(py: Python<'_>) -> PyResult<()> {
    if INSTALLED.load(Ordering::Relaxed) == 0 {
        return Ok(());
    }
    let signal = py.import("signal")?;
    let held_back = [signal.getattr("SIGTERM")?, signal.getattr("SIGINT")?];
    let how = signal.getattr("SIG_BLOCK")?;
    let mask = signal.call_method1("pthread_sigmask", (how, held_back))?;
    MASK.set(Some(mask.unbind()));
    Ok(())
}

#[pyfunction]
fn after_in_parent(py: Python<'_>) -> PyResult<()> {
    let Some(mask) = MASK.take() else { return Ok(()) };
    let signal = py.import("signal")?;
    let how = signal.getattr("SIG_SETMASK")?;
    signal.call_method1("pthread_sigmask", (how, mask)).map(drop)
}

#[pyfunction]
fn after_in_child(py: Python<'_>) -> PyResult<()> {
    if INSTALLED.swap(0, Ordering::Relaxed) == 0 {
        return Ok(());
    }
    let signal = py.import("signal")?;
    for number in signal.call_method0("valid_signals")?.try_iter()? {
        let number = number?;
        let current = signal.call_method1("getsignal", (&number,))?;
        if !current.is_instance_of::<Handler>() {
            continue;
        }
        let interrupt = number.eq(signal.getattr("SIGINT")?)?;
        let default = if interrupt { "default_int_handler" } else { "SIG_DFL" };
        signal.call_method1("signal", (number, signal.getattr(default)?))?;
    }
    set_wakeup(py, (-1i32).into_pyobject(py)?.into_any())?;
    after_in_parent(py)
}
