//! `maitred APP`: serves in a process that the server owns, and returns an exit status.
//!
//! Signal handlers are installed before anything that takes time. The engine decides the order of
//! the steps from the addresses to the application. The announcement is logged only when requests
//! are answered.

use maitred_config::{Loaded, LogFormat, Problems, Settings, Sources};
#[cfg(unix)]
use maitred_server::supervisor::workers::Reaping;
use pyo3::prelude::*;

use crate::engine::hooks::{StopHooks, WorkerIdentity};
use crate::engine::{BoundServer, StartError, hooks, import};
use crate::logging::{self, Failure, LineFormat, LogOutput, config_file, owned_process};
use crate::process::exit_status::ExitStatus;
#[cfg(unix)]
use crate::process::file_limit;
use crate::process::output::{colour, print_error};
use crate::process::signals::{Replaced, Scope, Signals};
use crate::process::sources::SourceTexts;
#[cfg(unix)]
use crate::process::supervise;
#[cfg(unix)]
use crate::process::supervisor_options;
use crate::process::wait::ServerEnd;
#[cfg(unix)]
use crate::process::worker::is_worker;
use crate::process::{exit, service_manager, wait};

/// Serves until a signal stops the server.
///
/// # Errors
/// An exception that is not an error of the user.
pub(crate) fn serve(
    py: Python<'_>,
    loaded: &Loaded,
    sources: SourceTexts,
    after: Afterwards,
) -> PyResult<ExitStatus> {
    if is_worker() {
        return Ok(failed(
            "a worker process serves already: call `run` or `serve` only below \
             `if __name__ == \"__main__\":`",
        ));
    }
    let format = (&loaded.settings.observability).into();
    logging::set_format(format);
    if after == Afterwards::Exit {
        owned_process::adopt(py, format)?;
    }
    if let Err(problems) = config_file::read(&loaded.settings) {
        print_problems(&problems, format);
        return Ok(ExitStatus::Usage);
    }
    let scope = if is_supervised(&loaded.settings) { Scope::Supervisor } else { Scope::Process };
    let signals = Signals::install(py, scope, Replaced::All)?;
    if after == Afterwards::Exit {
        exit::prepare(py, &loaded.settings)?;
    }
    let process = std::process::id();
    let result = match serve_with_signals(py, loaded, sources, signals.as_ref(), after) {
        // The signal handler's exception has unwound whatever was running, such as an import.
        _ if signals.as_ref().is_some_and(Signals::interrupted) => Ok(ExitStatus::Done),
        // A process that the application has forked, and that is no server, ends as any other.
        Err(error) if std::process::id() != process => return Err(error),
        result => result,
    };
    match (signals, after) {
        (Some(signals), Afterwards::Continue) => signals.restore(py).and(result),
        (Some(signals), Afterwards::Exit) => {
            signals.ending(py);
            let status = result.as_ref().map_or(ExitStatus::Failed, |exit| *exit).status();
            exit::begin(py, status)?;
            result
        }
        (None, _) => result,
    }
}

/// Reports errors in the settings, in the format of the log that they ask for.
///
/// # Errors
/// Python's standard error cannot be replaced.
pub(crate) fn refuse(
    py: Python<'_>,
    sources: &Sources,
    problems: &Problems,
    after: Afterwards,
) -> PyResult<()> {
    let (format, names) = maitred_config::log_format(sources);
    let format = match format {
        LogFormat::Json => LineFormat::Json(names),
        LogFormat::Text | LogFormat::Console => LineFormat::Text,
    };
    logging::set_format(format);
    if after == Afterwards::Exit {
        owned_process::adopt(py, format)?;
    }
    print_problems(problems, format);
    Ok(())
}

fn print_problems(problems: &Problems, format: LineFormat) {
    match format {
        LineFormat::Text | LineFormat::Console(_) => print_error(&problems.render(colour())),
        LineFormat::Json(_) => problems.iter().for_each(|problem| Failure::from(problem).print()),
    }
}

/// What the process does after the server has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// It exits. The handlers stay, and a further signal makes it exit immediately.
    Exit,
    /// It continues with the caller. The previous handlers are restored.
    Continue,
}

/// Why the application is not served.
pub(crate) enum NotServed {
    Start(StartError),
    /// It cannot be imported.
    Import(Box<Failure>),
    /// A signal ended the program first.
    Interrupted,
}

impl NotServed {
    /// Prints it, and returns the exit status.
    ///
    /// # Errors
    /// It is an exception that is not an error of the user.
    pub(crate) fn report(self) -> PyResult<ExitStatus> {
        match self {
            Self::Interrupted => Ok(ExitStatus::Done),
            Self::Import(failure) => {
                failure.print();
                Ok(ExitStatus::Failed)
            }
            Self::Start(StartError::Failed(error)) => Ok(failed(&error)),
            Self::Start(StartError::Raised(error)) => Err(error),
        }
    }
}

impl From<PyErr> for NotServed {
    fn from(error: PyErr) -> Self {
        Self::Start(StartError::Raised(error))
    }
}

impl From<StartError> for NotServed {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

fn serve_with_signals(
    py: Python<'_>,
    loaded: &Loaded,
    #[cfg_attr(not(unix), expect(unused_variables, reason = "only a supervisor passes them on"))]
    sources: SourceTexts,
    signals: Option<&Signals>,
    after: Afterwards,
) -> PyResult<ExitStatus> {
    let bound = BoundServer::bind(py, loaded.clone())
        .and_then(|mut bound| bound.keep_from_children().map(|()| bound));
    let bound = match bound {
        Ok(bound) => bound,
        Err(error) => return Ok(failed(&error.to_string())),
    };
    raise_file_limit(py, after)?;
    #[cfg(unix)]
    if is_supervised(&loaded.settings) {
        if let Err(error) = supervisor_options::enough_descriptors(loaded, 0) {
            return Ok(failed(&error));
        }
        let reaping = match after {
            Afterwards::Exit => Reaping::Everybody,
            Afterwards::Continue => Reaping::Workers,
        };
        let output = LogOutput::Stderr;
        return match supervise::supervise(py, bound, sources, output, signals, reaping) {
            Ok(exit) => Ok(exit),
            Err(error) => NotServed::Start(error).report(),
        };
    }
    if after == Afterwards::Exit {
        maitred_server::return_freed_memory();
    }
    let process = std::process::id();
    let started = bound.start(py, LogOutput::Stderr, |py, loaded| {
        let application = import::load(py, loaded).and_then(|application| {
            hooks::worker_starts(py, WorkerIdentity::default()).map(|()| application)
        });
        // The application may have caught the exception that a signal raised.
        if signals.is_some_and(Signals::interrupted) {
            return Err(NotServed::Interrupted);
        }
        if std::process::id() != process {
            raise_file_limit(py, after)?; // a daemon that the application has made of the process
        }
        let application = application.map_err(|error| match error.raised {
            Some(raised) if std::process::id() != process => StartError::Raised(raised).into(),
            _ => NotServed::Import(error.failure),
        })?;
        owned_process::application_imported(py)?;
        Ok(application)
    });
    let started = match started {
        Ok(started) => started,
        Err(error) => return error.report(),
    };
    if let Err(error) = started.running().drain_on_console_close() {
        tracing::warn!("closing the console will not drain the server: {error}");
    }
    started.announce(py)?;
    let addresses: Vec<String> = started.addresses().iter().map(ToString::to_string).collect();
    service_manager::ready(&format!("serving on {}", addresses.join(", ")));
    // A daemon that the application has made of the process has lost the handlers by the fork.
    let of_daemon = match signals {
        Some(_) if std::process::id() != process => {
            Signals::install(py, Scope::Process, Replaced::All)?
        }
        _ => None,
    };
    let end = wait::until_stopped(py, started.running(), of_daemon.as_ref().or(signals));
    let hooks = started.end(py)?;
    Ok(match (end?, hooks) {
        (ServerEnd::Stopped, StopHooks::Done) => ExitStatus::Done,
        (ServerEnd::Failed, _) | (_, StopHooks::Failed) => ExitStatus::Failed,
    })
}

/// Allows as many open files as possible, in a process that is all the server's.
#[cfg_attr(not(unix), expect(unused_variables, clippy::unnecessary_wraps, reason = "no limit"))]
fn raise_file_limit(py: Python<'_>, after: Afterwards) -> PyResult<()> {
    #[cfg(unix)]
    if after == Afterwards::Exit {
        file_limit::raise(py)?;
    }
    Ok(())
}

/// Whether the settings ask for a supervisor.
fn is_supervised(settings: &Settings) -> bool {
    settings.processes.are_supervised()
}

#[cfg(not(unix))]
const fn is_worker() -> bool {
    false
}

fn failed(error: &str) -> ExitStatus {
    Failure::from(error.to_owned()).print();
    ExitStatus::Failed
}
