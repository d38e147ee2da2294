//! A process that the application forks (`multiprocessing`, `os.fork`) is no server, and its signals
//! are its own: it gets Python's default handlers, and does not wake us.
//!
//! Between the fork and the moment at which the child's interpreter is whole again CPython drops
//! signals, where a handler of Python's is set. So the two that end a process are held back until
//! the child has its defaults: `Process.terminate()` works from the first moment on.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::{Handler, set_wakeup};

/// How many servers have handlers in place.
static INSTALLED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which signals this thread held back before it began to fork.
    static MASK: RefCell<Option<Py<PyAny>>> = const { RefCell::new(None) };
}

/// Handlers of ours are in place as long as this exists.
#[derive(Debug)]
pub(super) struct Installed(());

impl Installed {
    /// Asks Python to tell us of forks, which can be done once and never undone.
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
