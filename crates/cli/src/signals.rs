//! SIGTERM, SIGINT and SIGHUP: the first drains, the second ends at once (`second.rs` says which one
//! that is).
//!
//! Everything goes through Python's own signal machinery, so that an application's handlers work as
//! they always do and ours are what `signal.getsignal` shows. Handlers are there before the
//! application is imported, because process 1 of a container has no default ones. Python runs a
//! handler on the main thread, when that thread next runs Python code; while it waits for the server
//! it does not, and so a small thread reads what `signal.set_wakeup_fd` writes and lets the main
//! thread look ([`Stoppable::nudge`]).
//!
//! Off the main thread nothing is installed: signals are then the business of who runs it.

mod fork;
pub(crate) mod second;
mod stage;
mod wake;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyTuple};

use fork::Installed;
use second::SAME_REQUEST;
use stage::{Action, Meaning, State};
use wake::{Wakeup, Wires};

/// A server, as far as signals are concerned.
pub(crate) trait Stoppable: Send + Sync {
    /// Stops accepting, lets what runs finish, then stops.
    fn drain(&self);

    /// Stops now.
    fn kill(&self);

    /// Lets the main thread look for signals that have come.
    fn nudge(&self);

    /// Opens the log files anew.
    fn reopen_logs(&self);
}

/// What the handlers share.
struct Shared {
    state: Mutex<State>,
    /// Whether a signal came before anything was served.
    interrupted: AtomicBool,
}

/// Signal handlers of ours, in place from [`Signals::install`] on.
pub(crate) struct Signals {
    shared: Arc<Shared>,
    /// What was there before, by signal number.
    previous: Vec<(i32, Py<PyAny>)>,
    /// For processes that the application forks.
    _installed: Installed,
    /// What signals wake the main thread with. Made before anybody is served, because afterwards
    /// clients may have taken every descriptor there is.
    wires: Mutex<Option<Wires>>,
}

/// Which handlers are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The process is ours: whatever it inherited.
    Process,
    /// The server is a guest: only what nobody has set. A program's own handlers stay.
    Guest,
}

impl Signals {
    /// Installs the handlers, on the main thread; `None` on any other.
    ///
    /// # Errors
    /// Python refuses, for example in a subinterpreter.
    pub(crate) fn install(py: Python<'_>, scope: Scope) -> PyResult<Option<Self>> {
        let threading = py.import("threading")?;
        if !threading.call_method0("current_thread")?.is(threading.call_method0("main_thread")?) {
            return Ok(None);
        }
        let shared =
            Arc::new(Shared { state: Mutex::new(State::starting()), interrupted: false.into() });
        let module = py.import("signal")?;
        let mut wanted = vec!["SIGTERM", "SIGINT"];
        if scope == Scope::Process {
            // Windows has no SIGUSR1, and tells a console's Ctrl-Break by SIGBREAK. SIGHUP comes
            // when a terminal is closed; by itself it would end the process amid its requests.
            wanted.extend(["SIGUSR1", "SIGBREAK", "SIGHUP"]);
        }
        let mut signals = Self {
            shared,
            previous: Vec::new(),
            _installed: Installed::new(py)?,
            wires: Mutex::new(Some(Wires::new()?)),
        };
        for name in wanted {
            let Some(number) = module.getattr_opt(name)? else { continue };
            let previous = module.call_method1("getsignal", (&number,))?;
            let unset = previous.is(module.getattr("SIG_DFL")?)
                || previous.is(module.getattr("default_int_handler")?);
            // `nohup` is how a terminal's end is survived.
            let is_to_survive = name == "SIGHUP" && previous.is(module.getattr("SIG_IGN")?);
            if (scope == Scope::Guest && !unset) || is_to_survive {
                continue;
            }
            let handler = Handler(Arc::clone(&signals.shared));
            module.call_method1("signal", (&number, handler))?;
            // None: installed by something other than Python, which cannot be put back.
            if !previous.is_none() {
                signals.previous.push((number.extract()?, previous.unbind()));
            }
        }
        Ok(Some(signals))
    }

    /// Whether a signal asked to end before anything was served.
    pub(crate) fn interrupted(&self) -> bool {
        self.shared.interrupted.load(Ordering::Relaxed)
    }

    /// From now on the first signal drains `server`. Signals wake whoever waits for it until the
    /// answer is dropped.
    ///
    /// # Errors
    /// The thread or its socket cannot be had.
    pub(crate) fn serve(&self, py: Python<'_>, server: Arc<dyn Stoppable>) -> PyResult<Wakeup> {
        self.shared.state(py).serves(Arc::clone(&server));
        let wires = self.wires.lock().unwrap_or_else(PoisonError::into_inner).take();
        let wires = wires.map_or_else(Wires::new, Ok)?;
        Wakeup::start(py, server, wires)
    }

    /// From now on a signal ends the process at once, unless it belongs to the one that stopped the
    /// server: nothing is left to be finished.
    pub(crate) fn ending(&self, py: Python<'_>) {
        self.shared.state(py).ends();
    }

    /// Puts back the handlers that were there, where ours are still in place.
    ///
    /// # Errors
    /// Python refuses.
    pub(crate) fn restore(self, py: Python<'_>) -> PyResult<()> {
        let module = py.import("signal")?;
        for (number, previous) in self.previous {
            let current = module.call_method1("getsignal", (number,))?;
            let ours = current
                .cast::<Handler>()
                .is_ok_and(|handler| Arc::ptr_eq(&handler.get().0, &self.shared));
            if ours {
                module.call_method1("signal", (number, previous))?;
            }
        }
        Ok(())
    }
}

impl Shared {
    fn state(&self, py: Python<'_>) -> std::sync::MutexGuard<'_, State> {
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

/// What Python calls on the main thread when a signal has come.
#[pyclass(frozen, module = "maitred._native")]
struct Handler(Arc<Shared>);

#[pymethods]
impl Handler {
    #[pyo3(signature = (number, _frame=None))]
    fn __call__(&self, py: Python<'_>, number: i32, _frame: Option<Py<PyAny>>) -> PyResult<()> {
        // All that runs Python comes before or after the lock is held: another signal may come in
        // between, and its handler is called on this same thread.
        let name = name(py, number)?;
        let meaning = if name == "SIGUSR1" { Meaning::ReopenLogs } else { Meaning::Stop };
        let action = self.0.state(py).next(meaning, Instant::now());
        match action {
            Action::Nothing => {}
            Action::ReopenLogs(server) => server.reopen_logs(),
            Action::Interrupt => {
                tracing::info!("{name} received before anything was served: ending");
                self.0.interrupted.store(true, Ordering::Relaxed);
                return Err(PySystemExit::new_err(0));
            }
            Action::Drain(server) => {
                tracing::info!("{name} received: draining; a second one stops at once");
                server.drain();
            }
            Action::SayItIsAnEcho => tracing::info!(
                "{name} received within {SAME_REQUEST:?} of the first: taken for the same request"
            ),
            Action::Kill(server) => {
                tracing::warn!("{name} received again: stopping at once");
                server.kill();
            }
            Action::End => {
                py.import("os")?.call_method1("_exit", (0,))?;
            }
        }
        Ok(())
    }
}

/// `SIGTERM` for 15.
fn name(py: Python<'_>, number: i32) -> PyResult<String> {
    py.import("signal")?.call_method1("Signals", (number,))?.getattr("name")?.extract()
}

/// `signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)`; answers what was set before.
fn set_wakeup<'py>(py: Python<'py>, descriptor: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(py);
    // A full buffer means that the thread is about to look anyway.
    options.set_item("warn_on_full_buffer", false)?;
    py.import("signal")?.call_method(
        "set_wakeup_fd",
        PyTuple::new(py, [descriptor])?,
        Some(&options),
    )
}
