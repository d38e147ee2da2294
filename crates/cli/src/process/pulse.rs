//! Tells the supervisor that the interpreter of this worker runs, and gives it the stacks if not.
//!
//! Once a second a thread waits for the interpreter's lock. It stops when C code holds the lock for
//! ever, and with a regular expression that does not end. The supervisor then sends a signal whose
//! handler is C code of `faulthandler`, which needs no lock: it writes the stacks of all threads
//! into memory of the supervisor.
//!
//! The supervisor may send it as long as the process exists, also while exit handlers run. So the memory
//! stays open for the process's life; and when the finalizing interpreter takes the handler away, the
//! signal is ignored.

use std::os::fd::{IntoRawFd as _, OwnedFd};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use maitred_server::board::{Place, monotonic_ns};
use maitred_server::supervisor::stacks::dump_signal;
use maitred_wsgi_bridge::interpreter::attach;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// How often the interpreter is tried.
const INTERVAL: Duration = Duration::from_secs(1);

/// Beats until it is dropped.
pub(crate) struct Pulse {
    _alive: mpsc::Sender<()>,
}

impl Pulse {
    /// Begins to beat on a seat of the board. Stacks are written to `pad`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(py: Python<'_>, place: Place, pad: OwnedFd) -> PyResult<Self> {
        if let Some(signal) = dump_signal() {
            let module = py.import("signal")?;
            // What it does again once `faulthandler` is finalized.
            module.call_method1("signal", (signal, module.getattr("SIG_IGN")?))?;
            let options = PyDict::new(py);
            // Never closed: `faulthandler` keeps the number.
            options.set_item("file", pad.into_raw_fd())?;
            options.set_item("all_threads", true)?;
            py.import("faulthandler")?.call_method("register", (signal,), Some(&options))?;
        }
        let (alive, ended) = mpsc::channel();
        std::thread::Builder::new().name("maitred-pulse".into()).spawn(move || {
            while attach::attach_once() {
                place.seat().set_python_beat(monotonic_ns());
                // Nothing is ever sent: it is disconnected when the pulse is dropped.
                if ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        })?;
        Ok(Self { _alive: alive })
    }
}
