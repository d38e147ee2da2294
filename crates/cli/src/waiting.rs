//! Waiting for a server to stop, on the thread that called `run()`.
//!
//! Python runs signal handlers on the main thread, and only when that thread lets it. So the wait
//! is without the interpreter, ends when somebody nudges the server, and begins again after Python
//! has had its look.

use std::sync::Arc;

use maitred_server::{Running, Waited};
use pyo3::prelude::*;

use crate::service_manager;
use crate::signals::{Signals, Stoppable};

impl Stoppable for Running {
    fn drain(&self) {
        service_manager::stopping();
        Self::drain(self);
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn nudge(&self) {
        Self::nudge(self);
    }

    // The log goes to stderr or to Python's `logging`, and neither is a file of ours.
    fn reopen_logs(&self) {}
}

/// Waits until the server has stopped, and lets signals in meanwhile.
///
/// # Errors
/// What a handler of the program's own raised: the server was drained first, and the exception
/// goes where the program expects it.
pub(crate) fn until_stopped(
    py: Python<'_>,
    running: &Running,
    signals: Option<&Signals>,
) -> PyResult<()> {
    let wakeup = signals
        .map(|signals| signals.serve(py, Arc::new(running.clone())))
        .transpose()
        .inspect_err(|_| running.kill())?;
    let mut raised = None;
    while py.detach(|| running.wait()) == Waited::Nudged {
        if let Err(error) = py.check_signals() {
            if raised.is_none() {
                running.drain();
                raised = Some(error);
            } else {
                running.kill();
            }
        }
    }
    if let Some(signals) = signals {
        signals.ending(py);
    }
    if let Some(wakeup) = wakeup {
        wakeup.stop(py)?;
    }
    raised.map_or(Ok(()), Err)
}
