//! `maitred APP`: serves in a process that the server owns, and returns an exit status.
//!
//! The order matters to operators. Signal handlers are installed before anything that takes time.
//! Addresses are bound before the application is imported, so that a port in use is reported at
//! once. The announcement is logged only when requests are answered.

use std::time::Duration;

use maitred_config::Loaded;
use maitred_server::{Admin, Listeners};
use pyo3::prelude::*;

use crate::command::check;
use crate::engine::admin_and_metrics::AdminAndMetrics;
use crate::engine::{announcement, application, import};
use crate::logging::{self, StderrLog};
use crate::process::exit_status::ExitStatus;
use crate::process::output::print_error;
use crate::process::signals::{Scope, Signals};
use crate::process::{exit, service_manager, wait};

/// Serves until a signal stops the server.
///
/// # Errors
/// An exception that is not an error of the user.
pub(crate) fn serve(py: Python<'_>, loaded: &Loaded, after: Afterwards) -> PyResult<ExitStatus> {
    logging::receive(loaded.settings.log_level.into());
    logging::learn_thread_name(py);
    // Dropped last, so that records of the shutdown are still written.
    let _log = StderrLog::start(loaded.settings.log_format)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let signals = Signals::install(py, Scope::Process)?;
    if after == Afterwards::Exit {
        exit::prepare(py)?;
    }
    let result = match serve_with_signals(py, loaded, signals.as_ref()) {
        // The signal handler's exception has unwound whatever was running, such as an import.
        _ if signals.as_ref().is_some_and(Signals::interrupted) => Ok(ExitStatus::Done),
        result => result,
    };
    match (signals, after) {
        (Some(signals), Afterwards::Continue) => signals.restore(py).and(result),
        (Some(signals), Afterwards::Exit) => {
            signals.ending(py);
            let status = result.as_ref().map_or(ExitStatus::Failed, |exit| *exit).status();
            exit::with_status(status);
            end_within(loaded.settings.graceful_timeout, status)?;
            result
        }
        (None, _) => result,
    }
}

/// Exits the process after `patience` at the latest. Python waits at exit for every thread that is
/// not a daemon, and the application may have one that never ends.
fn end_within(patience: Duration, status: i32) -> std::io::Result<()> {
    std::thread::Builder::new().name("maitred-exit".into()).spawn(move || {
        std::thread::sleep(patience);
        print_error(
            "warning: threads of the application have not ended within graceful-timeout; exiting \
             without waiting for them\n",
        );
        #[expect(clippy::exit, reason = "the interpreter does not come to its own end")]
        std::process::exit(status);
    })?;
    Ok(())
}

/// What the process does after the server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It exits. The handlers stay, and a further signal makes it exit immediately.
    Exit,
    /// It continues with the caller. The previous handlers are restored.
    Continue,
}

fn serve_with_signals(
    py: Python<'_>,
    loaded: &Loaded,
    signals: Option<&Signals>,
) -> PyResult<ExitStatus> {
    let settings = &loaded.settings;
    if let Err(exit) = check::access_log_format(settings) {
        return Ok(exit);
    }
    let listeners = match Listeners::bind(settings) {
        Ok(listeners) => listeners,
        Err(error) => return Ok(failed(&error.to_string())),
    };
    let admin = match Admin::bind(settings) {
        Ok(admin) => admin,
        Err(error) => return Ok(failed(&error.to_string())),
    };
    let admin_and_metrics = match AdminAndMetrics::open(py, loaded, admin) {
        Ok(admin_and_metrics) => admin_and_metrics,
        Err(error) => return Ok(failed(&error)),
    };
    let callable = match import::load(py, settings) {
        Ok(callable) => callable,
        Err(message) => {
            // An import that was interrupted by a signal is not an error.
            if !signals.is_some_and(Signals::interrupted) {
                print_error(&message);
            }
            return Ok(ExitStatus::Failed);
        }
    };
    if signals.is_some_and(Signals::interrupted) {
        return Ok(ExitStatus::Done); // the application caught the exception
    }
    let addresses: Vec<_> = listeners.addresses().cloned().collect();
    let running = match application::start(
        py,
        callable,
        settings,
        listeners,
        admin_and_metrics.telemetry.clone(),
    ) {
        Ok(running) => running,
        Err(error) => return Ok(failed(&error)),
    };
    if let Err(error) = running.drain_on_console_close() {
        tracing::warn!("closing the console will not drain the server: {error}");
    }
    announcement::announce(py, loaded, addresses.iter())?;
    let places: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    service_manager::ready(&format!("serving on {}", places.join(", ")));
    wait::until_stopped(py, &running, signals)?;
    Ok(ExitStatus::Done)
}

fn failed(error: &str) -> ExitStatus {
    print_error(&format!("error: {error}\n"));
    ExitStatus::Failed
}
