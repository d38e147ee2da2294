//! Forks: those that an application makes during a request, and those that the server makes itself.
//!
//! In a child process that an application forks during a request there
//! is a copy of one worker thread: the client's socket and the server's state, but no
//! other threads. It may run its own code (`multiprocessing`, `os.exec*`, `os._exit`), but it must
//! never answer the request a second time, nor take another one. So the bridge checks here before
//! it touches an exchange.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::threads;

/// The number of forks between the first process and this one.
static DEPTH: AtomicU64 = AtomicU64::new(0);

/// The process that owns an object. A server may be started in a forked child; only objects created
/// before the fork belong to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u64);

impl Process {
    /// This process.
    pub(crate) fn current() -> Self {
        Self(DEPTH.load(Ordering::Relaxed))
    }

    /// Whether this process is a forked child of the owner.
    pub(crate) fn is_parent(self) -> bool {
        self != Self::current()
    }
}

/// Registers a fork hook with Python, once. Does nothing on systems that cannot fork.
pub(crate) fn watch(py: Python<'_>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    // pyo3 makes this type for the first exception that it sees. A child that was forked while
    // another thread did so would wait for that thread for ever, which it does not have.
    let _ = py.get_type::<PanicException>();
    WATCHED
        .get_or_try_init(py, || {
            let os = py.import("os")?;
            if let Some(register) = os.getattr_opt("register_at_fork")? {
                let keywords = PyDict::new(py);
                keywords.set_item("after_in_child", wrap_pyfunction!(forked_in_child, py)?)?;
                register.call((), Some(&keywords))?;
            }
            Ok(())
        })
        .copied()
}

#[pyfunction]
fn forked_in_child() {
    DEPTH.fetch_add(1, Ordering::Relaxed);
    threads::forget();
}

/// Forks with `fork`, which tells by `is_new` in which process it has returned, and runs what was
/// registered with `os.register_at_fork`: before and after the fork in this process, after it in the new one.
///
/// `os.fork` cannot be used where a second fork follows: handlers in the child start threads, which the
/// second fork would lose.
///
/// # Errors
/// Those of `fork`; then there is no new process.
#[expect(unsafe_code, reason = "there is no safe wrapper")]
pub fn with_hooks<S, E>(
    _attached: Python<'_>,
    fork: impl FnOnce() -> Result<S, E>,
    is_new: impl FnOnce(&S) -> bool,
) -> Result<S, E> {
    // SAFETY: this thread is attached, and each of the three is called where C code that forks has to.
    unsafe {
        pyo3::ffi::PyOS_BeforeFork();
        let side = fork();
        match &side {
            Ok(side) if is_new(side) => pyo3::ffi::PyOS_AfterFork_Child(),
            Ok(_) | Err(_) => pyo3::ffi::PyOS_AfterFork_Parent(),
        }
        side
    }
}

/// Exits a child that returned from the application: the server's state must not be used in it, and
/// there is no caller to return to.
pub(crate) fn end_child(py: Python<'_>) -> ! {
    const SOFTWARE_ERROR: i32 = 70; // EX_SOFTWARE of sysexits.h
    // Does not return. If os._exit fails, aborting is better than answering.
    let _ = py.import("os").and_then(|os| os.call_method1("_exit", (SOFTWARE_ERROR,)));
    std::process::abort()
}
