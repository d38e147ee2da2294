//! Waits for a server to stop, on the thread that called `run()`.
//!
//! Python runs signal handlers only on the main thread, while that thread runs Python code. So the
//! wait releases the interpreter, ends when a signal interrupts it, and starts again after
//! Python has run its handlers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_server::{Running, Waited};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::process::signals::repeated::{StopRequest, StopRequests};
use crate::process::signals::{self, SignalTarget, Signals};

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum ServerEnd {
    /// As it was told to.
    Stopped,
    /// By a fault of the server itself, which has been logged.
    Failed,
}

impl ServerEnd {
    /// # Errors
    /// The server has failed.
    pub(crate) fn check(self) -> PyResult<()> {
        match self {
            Self::Stopped => Ok(()),
            Self::Failed => Err(PyRuntimeError::new_err(
                "the server has failed: its I/O thread panicked, as the log says",
            )),
        }
    }
}

/// Waits until the server has stopped, and runs signal handlers meanwhile.
///
/// # Errors
/// The exception of a handler of the program. The server is drained before it is passed on.
pub(crate) fn until_stopped(
    py: Python<'_>,
    running: &Running,
    signals: Option<&Signals>,
) -> PyResult<ServerEnd> {
    until_stopped_by(py, running, signals, running.clone())
}

/// The same, where signals, and exceptions of the program's own handlers, have another target than the
/// server.
///
/// # Errors
/// As above.
pub(crate) fn until_stopped_by(
    py: Python<'_>,
    running: &Running,
    signals: Option<&Signals>,
    target: impl SignalTarget + 'static,
) -> PyResult<ServerEnd> {
    let target: Arc<dyn SignalTarget> = Arc::new(target);
    let mut raised = None;
    let mut requests = StopRequests::default();
    let mut stop_for = |error: PyErr| match requests.ask(now()) {
        StopRequest::First => {
            target.drain();
            raised = Some(error);
        }
        StopRequest::Repeat { .. } => {}
        StopRequest::Second => target.kill(),
    };
    let wakeup = match signals.map(|signals| signals.serve(py, Arc::clone(&target))) {
        Some(Ok(wakeup)) => Some(wakeup),
        Some(Err(error)) => {
            stop_for(error);
            None
        }
        None => None,
    };
    // A signal that arrived earlier woke nobody; Python runs its handler now.
    let mut seen = py.check_signals();
    let end = loop {
        if let Err(error) = seen {
            stop_for(error);
        }
        match py.detach(|| running.wait()) {
            Waited::Stopped => break ServerEnd::Stopped,
            Waited::Failed => break ServerEnd::Failed,
            Waited::Interrupted | Waited::TimedOut => seen = py.check_signals(),
        }
    };
    let woken = wakeup.map_or(Ok(()), |wakeup| wakeup.stop(py));
    raised.map_or(woken.map(|()| end), Err)
}

/// Waits until the server has stopped, but not longer than `timeout`; returns how it ended. On the
/// main thread, signal handlers run meanwhile.
///
/// # Errors
/// The exception of a signal handler, such as `KeyboardInterrupt`. The server serves on.
pub(crate) fn at_most(
    py: Python<'_>,
    running: &Running,
    timeout: Duration,
) -> PyResult<Option<ServerEnd>> {
    let began = now();
    let wakeup = signals::wake_up(py, Arc::new(running.clone()))?;
    let stopped = loop {
        if let Err(error) = py.check_signals() {
            break Err(error);
        }
        match py.detach(|| running.wait_for(timeout.saturating_sub(began.elapsed()))) {
            Waited::Stopped => break Ok(Some(ServerEnd::Stopped)),
            Waited::Failed => break Ok(Some(ServerEnd::Failed)),
            Waited::TimedOut => break Ok(None),
            Waited::Interrupted => {}
        }
    };
    wakeup.map_or(Ok(()), |wakeup| wakeup.stop(py)).and(stopped)
}

/// The time, for how long the caller has waited and for when a stop was requested.
#[expect(
    clippy::disallowed_methods,
    reason = "compared only with itself, and by no deadline of the server"
)]
fn now() -> Instant {
    Instant::now()
}
