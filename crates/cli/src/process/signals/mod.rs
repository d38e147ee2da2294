//! SIGTERM, SIGINT and SIGHUP: the first signal drains, the second exits immediately (`repeated.rs`
//! defines which signal counts as the second).
//!
//! The handlers are Python signal handlers, so they coexist with those of the application. They are
//! installed before the application is imported, because process 1 of a container has no default
//! handlers. Python runs a handler on the main thread, when that thread next runs Python code; but
//! the main thread waits for the server. So a small thread reads what `signal.set_wakeup_fd` writes,
//! and wakes the main thread to run the handler ([`SignalTarget::interrupt_wait`]).
//!
//! Signals with a meaning for other servers only (`foreign.rs`) are logged.
//!
//! On another thread than the main one, nothing is installed; the program handles signals.

mod foreign;
mod fork;
pub(crate) mod repeated;
mod stage;
mod wake;

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use maitred_server::Running;
#[cfg(unix)]
use maitred_server::system::signal_action;
use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyTuple};

use fork::Installed;
use repeated::SAME_REQUEST;
use stage::{Action, Meaning, SignalState};
use wake::{Wakeup, WakeupPair};

use crate::process::{exit, service_manager};

/// The operations of a server that signals need.
pub(crate) trait SignalTarget: Send + Sync {
    /// Stops accepting, lets running requests finish, then stops.
    fn drain(&self);

    /// Stops immediately.
    fn kill(&self);

    /// Wakes the main thread, so that Python runs pending signal handlers.
    fn interrupt_wait(&self);

    /// Reopens the log files.
    fn reopen_logs(&self);

    /// Replaces the workers, with settings that are read again. A server without workers drains.
    fn reload(&self) {
        self.drain();
    }
}

impl SignalTarget for Running {
    fn drain(&self) {
        exit::stop_has_begun();
        service_manager::stopping();
        Self::drain(self);
    }

    fn kill(&self) {
        exit::stop_has_begun();
        Self::kill(self);
    }

    fn interrupt_wait(&self) {
        self.interrupt_wait();
    }

    fn reopen_logs(&self) {
        Self::reopen_logs(self);
    }
}

/// The state that the handlers share.
struct HandlerState {
    scope: Scope,
    /// Whether standard input was a terminal when the handlers were installed.
    had_terminal: bool,
    /// Whether signals about using the terminal in the background are ignored by now.
    leaves_terminal: AtomicBool,
    state: Mutex<SignalState>,
    /// Whether a signal arrived before the server started.
    interrupted: AtomicBool,
}

/// Our signal handlers, from [`Signals::install`] on.
pub(crate) struct Signals {
    shared: Arc<HandlerState>,
    /// The previous handlers, by signal number.
    previous: Vec<(i32, Py<PyAny>)>,
    /// For processes that the application forks; `None` if they keep the handlers.
    installed: Option<Installed>,
    /// The sockets with which signals wake the main thread. Created before the server starts,
    /// because clients may use up all descriptors afterwards.
    pair: Mutex<Option<WakeupPair>>,
}

/// Which handlers are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The server owns the process: all handlers.
    Process,
    /// The same, and the process has workers, whose ends wake it.
    Supervisor,
    /// A worker of a supervisor owns the process.
    #[cfg_attr(not(any(unix, test)), expect(dead_code, reason = "no worker processes"))]
    Worker,
    /// The process forks the workers of a supervisor.
    Mold,
    /// The server is embedded: only default handlers. Those of the program stay.
    Embedded,
}

/// Which handlers of others ours take the place of, in a process that the server owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// All: the application, which comes later, may replace ours.
    All,
    /// The default ones: the application has been imported.
    Defaults,
}

impl Signals {
    /// Installs the handlers, on the main thread; `None` on any other.
    ///
    /// # Errors
    /// Python refuses, for example in a subinterpreter.
    pub(crate) fn install(
        py: Python<'_>,
        scope: Scope,
        replaced: Replaced,
    ) -> PyResult<Option<Self>> {
        if !is_main_thread(py)? {
            return Ok(None);
        }
        let shared = Arc::new(HandlerState {
            scope,
            had_terminal: std::io::stdin().is_terminal(),
            leaves_terminal: false.into(),
            state: Mutex::new(SignalState::starting()),
            interrupted: false.into(),
        });
        // A mold waits for nothing that they would wake, and workers would inherit them.
        let pair = (scope != Scope::Mold).then(WakeupPair::new).transpose()?;
        let mut signals = Self {
            shared,
            previous: Vec::new(),
            installed: Some(Installed::new(py)?),
            pair: Mutex::new(pair),
        };
        for name in wanted(scope) {
            signals.handle(py, name, replaced)?;
        }
        Ok(Some(signals))
    }

    /// Installs the handler of a signal, if the system has the signal and it is ours to handle.
    fn handle(&mut self, py: Python<'_>, name: &str, replaced: Replaced) -> PyResult<()> {
        let module = py.import("signal")?;
        let Some(number) = module.getattr_opt(name)? else { return Ok(()) };
        let previous = module.call_method1("getsignal", (&number,))?;
        let is_of_mold =
            previous.cast::<Handler>().is_ok_and(|handler| handler.get().0.scope == Scope::Mold);
        let unset = is_of_mold
            || previous.is(module.getattr("SIG_DFL")?)
            || previous.is(module.getattr("default_int_handler")?);
        // `nohup` ignores SIGHUP, so that the process survives its terminal.
        let is_to_survive = name == "SIGHUP" && previous.is(module.getattr("SIG_IGN")?);
        let is_anothers = match foreign::SIGNALS.contains(&name) {
            true => !is_of_mold && !has_default_action(number.extract()?),
            false => replaced == Replaced::Defaults && !unset,
        };
        if is_anothers || is_to_survive {
            return Ok(());
        }
        module.call_method1("signal", (&number, Handler(Arc::clone(&self.shared))))?;
        // None: not installed by Python, so it cannot be restored.
        if !previous.is_none() {
            self.previous.push((number.extract()?, previous.unbind()));
        }
        Ok(())
    }

    /// From now on, processes that are forked keep the handlers, until they have others.
    #[cfg_attr(not(unix), expect(dead_code, reason = "nothing is forked"))]
    pub(crate) fn stay_in_children(&mut self) {
        self.installed = None;
    }

    /// Whether a signal arrived before the server started.
    pub(crate) fn interrupted(&self) -> bool {
        self.shared.interrupted.load(Ordering::Relaxed)
    }

    /// From now on, the first signal drains `server`, and signals wake the thread that waits for it,
    /// until the returned value is dropped.
    ///
    /// # Errors
    /// The thread or its socket cannot be created.
    pub(crate) fn serve(&self, py: Python<'_>, server: Arc<dyn SignalTarget>) -> PyResult<Wakeup> {
        self.shared.state(py).serves(Arc::clone(&server));
        let pair = self.pair.lock().unwrap_or_else(PoisonError::into_inner).take();
        let pair = pair.map_or_else(WakeupPair::new, Ok)?;
        Wakeup::start(py, server, pair)
    }

    /// From now on, a signal exits immediately, unless it belongs to the one that stopped the server.
    pub(crate) fn ending(&self, py: Python<'_>) {
        self.shared.state(py).ends();
    }

    /// Restores the previous handlers, where ours are still installed.
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

/// The signals that are handled, where the system has them.
fn wanted(scope: Scope) -> Vec<&'static str> {
    let mut wanted = vec!["SIGTERM", "SIGINT"];
    if scope == Scope::Supervisor {
        wanted.push("SIGCHLD");
    }
    if scope != Scope::Embedded {
        // Ctrl-Break is SIGBREAK on Windows. SIGHUP is sent when a terminal closes; its default
        // action would kill the process during requests.
        wanted.extend(["SIGBREAK", "SIGHUP"]);
        wanted.extend(foreign::SIGNALS);
    }
    let has_terminal = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    if has_terminal || matches!(scope, Scope::Worker | Scope::Mold) {
        wanted.retain(|&signal| signal != foreign::OF_WINDOWS);
    }
    wanted
}

#[cfg(unix)]
fn has_default_action(signal: i32) -> bool {
    signal_action::is_default(signal)
}

/// No system but Unix has the signals that this is about.
#[cfg(not(unix))]
const fn has_default_action(_signal: i32) -> bool {
    false
}

impl HandlerState {
    /// Logs what to do instead of sending a signal. Those that the system sends because the process
    /// uses its terminal in the background are then ignored: otherwise the read is tried again, and
    /// the signal sent again, for ever.
    fn advise(&self, name: &str) {
        let is_of_terminal = self.had_terminal && foreign::OF_TERMINALS.contains(&name);
        if is_of_terminal && self.leaves_terminal.swap(true, Ordering::Relaxed) {
            return;
        }
        let advice = foreign::advice(name, self.scope);
        tracing::warn!("{name} received, which is not supported: {advice}");
        #[cfg(unix)]
        if is_of_terminal && let Err(error) = signal_action::ignore_those_of_terminals() {
            tracing::warn!("signals of the terminal cannot be ignored: {error}");
        }
    }

    fn state(&self, py: Python<'_>) -> std::sync::MutexGuard<'_, SignalState> {
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handler, which Python calls on the main thread.
#[pyclass(frozen, module = "maitred._native")]
struct Handler(Arc<HandlerState>);

#[pymethods]
impl Handler {
    #[pyo3(signature = (number, _frame=None))]
    fn __call__(&self, py: Python<'_>, number: i32, _frame: Option<Py<PyAny>>) -> PyResult<()> {
        // No Python code runs while the lock is held: it may run the handler of another signal, on
        // this same thread.
        let name = name(py, number)?;
        let meaning = match Meaning::of(&name, self.0.scope) {
            // Its terminal is gone, and with it whoever started the server there.
            Meaning::Reload if self.0.had_terminal && !std::io::stdin().is_terminal() => {
                Meaning::Stop
            }
            meaning => meaning,
        };
        #[expect(clippy::disallowed_methods, reason = "compared only with the last signal's")]
        let now = Instant::now();
        let action = self.0.state(py).next(meaning, now);
        match action {
            Action::Nothing => {}
            Action::ReopenLogs(server) => server.reopen_logs(),
            Action::Interrupt => {
                tracing::info!("{name} received before the server started: exiting");
                self.0.interrupted.store(true, Ordering::Relaxed);
                return Err(PySystemExit::new_err(0));
            }
            Action::Drain(server) => {
                tracing::info!("{name} received: draining; a second signal exits immediately");
                server.drain();
            }
            Action::LogRepeat => tracing::info!(
                "{name} received within {SAME_REQUEST:?} of the first: treated as the same request"
            ),
            Action::Kill(server) => {
                tracing::warn!("{name} received again: exiting immediately");
                server.kill();
            }
            Action::Reload(server) => {
                tracing::info!("{name} received: reloading");
                server.reload();
            }
            Action::StopWorker(server) => {
                tracing::info!("{name} received: asking the supervisor for a successor");
                server.drain();
            }
            Action::Advise => self.0.advise(&name),
            Action::End => {
                py.import("os")?.call_method1("_exit", (0,))?;
            }
        }
        Ok(())
    }
}

/// Makes every signal interrupt the wait for `server`, on the main thread; `None` on any other. No
/// handler is installed.
///
/// # Errors
/// The thread or its socket cannot be created.
pub(crate) fn wake_up(py: Python<'_>, server: Arc<dyn SignalTarget>) -> PyResult<Option<Wakeup>> {
    if !is_main_thread(py)? {
        return Ok(None);
    }
    Wakeup::start(py, server, WakeupPair::new()?).map(Some)
}

fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import("threading")?;
    Ok(threading.call_method0("current_thread")?.is(threading.call_method0("main_thread")?))
}

/// `SIGTERM` for 15.
fn name(py: Python<'_>, number: i32) -> PyResult<String> {
    py.import("signal")?.call_method1("Signals", (number,))?.getattr("name")?.extract()
}

/// `signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)`; returns the previous descriptor.
fn set_wakeup<'py>(py: Python<'py>, descriptor: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let options = PyDict::new(py);
    // If the buffer is full, the thread is about to wake up anyway.
    options.set_item("warn_on_full_buffer", false)?;
    py.import("signal")?.call_method(
        "set_wakeup_fd",
        PyTuple::new(py, [descriptor])?,
        Some(&options),
    )
}
