//! The log: writes `tracing` events of any Rust thread to stderr, or passes them to Python's
//! `logging`.
//!
//! Logging must never wait for a disk, a terminal or the interpreter. So a record goes into a
//! bounded queue, which one thread reads. Records that do not fit are dropped; the next record that
//! fits reports how many.
//!
//! If an event's `target` begins with `maitred.` (`maitred.queue`), it is the name of the logger;
//! otherwise, the logger is `maitred`.

pub(crate) mod config_file;
mod exception;
mod failure;
mod fault;
mod json;
mod line;
pub(crate) mod owned_process;
mod process_queue;
mod python;
mod queue;
mod stderr;
mod subscriber;

pub(crate) use failure::Failure;
pub(crate) use fault::log_exception;
pub(crate) use line::LineFormat;
#[cfg(unix)]
pub(crate) use subscriber::learn_worker_number;
pub(crate) use subscriber::{learn_thread_name, receive};

use std::time::Duration;

use maitred_config::Loaded;
use maitred_wsgi_bridge::ErrorOutput;
use pyo3::prelude::*;

use python::PythonLog;
use queue::{Fields, Record, Severity};
use stderr::StderrLog;

/// The logger of what the application writes to `wsgi.errors`. Its lines are logged at every
/// `log-level`, and the text format leaves them unchanged.
pub(crate) const ERRORS: &str = "maitred.errors";

/// The number of records dropped since the start.
pub(crate) fn dropped() -> u64 {
    process_queue::get().map_or(0, |queue| queue.dropped_total())
}

/// Logs the warnings about the settings, and which of them have no effect.
pub(crate) fn log_warnings(loaded: &Loaded) {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if let Some(note) = loaded.compatibility_note() {
        tracing::info!("{note}");
    }
}

/// Where log records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogOutput {
    /// To stderr, as lines: the log of the command line.
    Stderr,
    /// To Python's `logging`: the log of a program that embeds the server.
    Python,
}

/// A running log.
pub(crate) enum Log {
    Stderr(StderrLog),
    Python(PythonLog),
}

impl LogOutput {
    /// Where the application's own error output goes. In a program that embeds the server, it is not
    /// logged: `logging` has often formatted it already.
    pub(crate) const fn error_output(self) -> ErrorOutput {
        match self {
            Self::Stderr => ErrorOutput::Log,
            Self::Python => ErrorOutput::SysStderr,
        }
    }
}

impl Log {
    /// Starts the thread that writes records, from those that wait on.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(py: Python<'_>, output: LogOutput, format: LineFormat) -> PyResult<Self> {
        Ok(match output {
            LogOutput::Stderr => Self::Stderr(StderrLog::start(format)?),
            LogOutput::Python => Self::Python(PythonLog::start(py)?),
        })
    }

    /// Starts the thread anew in a process that was forked from the one that has it.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn follow_fork(&mut self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Stderr(log) => Ok(log.follow_fork()?),
            Self::Python(log) => {
                *log = PythonLog::start(py)?;
                Ok(())
            }
        }
    }

    /// Writes the remaining records, and ends the thread.
    ///
    /// # Errors
    /// The wait was interrupted, by Ctrl-C for one.
    pub(crate) fn stop(self, py: Python<'_>) -> PyResult<()> {
        match self {
            Self::Stderr(log) => {
                py.detach(|| drop(log));
                Ok(())
            }
            Self::Python(log) => log.stop(py),
        }
    }
}

/// The maximum time that a `flush()` of `wsgi.errors` takes if nobody reads the log.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// Waits until the records so far have been written, but not for long.
pub(crate) fn flush() {
    if let Some(queue) = process_queue::get() {
        queue.flush(FLUSH_WITHIN);
    }
}

/// Writes a warning at once, without the queue: at the end of the process, when nothing reads it. It
/// blocks as long as standard error does.
pub(crate) fn warn_now(message: &str) {
    stderr::write_now(&record("maitred", Severity::Warning, message.into(), Vec::new()));
}

/// From now on records of this process are written at once, by the thread that logs: no other may be
/// started here.
#[cfg(unix)]
pub(crate) fn write_at_once() {
    stderr::write_waiting();
}

/// Changes what is logged, and how, while the log runs.
///
/// # Errors
/// Python's standard error cannot be replaced.
#[cfg(unix)]
pub(crate) fn change(
    py: Python<'_>,
    output: LogOutput,
    settings: &maitred_config::ObservabilitySettings,
) -> PyResult<()> {
    receive(settings.log_level.into());
    match output {
        LogOutput::Stderr if owned_process::is_owned() => owned_process::adopt(py, settings.into()),
        LogOutput::Stderr => {
            set_format(settings.into());
            Ok(())
        }
        LogOutput::Python => Ok(()),
    }
}

/// Sets the format of what is written to standard error.
pub(crate) fn set_format(format: LineFormat) {
    stderr::set_format(format);
}

/// Logs text that the program has written to its error output.
pub(crate) fn write_text(text: &str) {
    log(record(ERRORS, Severity::Warning, text.into(), Vec::new()));
}

/// Whether colours in such text are shown.
pub(crate) fn shows_colours() -> bool {
    stderr::format() == LineFormat::Text && stderr::medium() == line::Medium::Terminal
}

/// A record of this moment and thread.
fn record(logger: &'static str, severity: Severity, message: String, mut fields: Fields) -> Record {
    fields.extend(subscriber::process_fields());
    Record {
        time: queue::now(),
        severity,
        logger: logger.into(),
        thread: subscriber::thread_name(),
        message,
        fields,
        exception: None,
    }
}

/// Takes a record: it waits for the thread that writes, or is written at once in a forked child,
/// which has no such thread. A child may have any lock held for ever, so none is taken there.
fn log(record: Record) {
    let Some(queue) = process_queue::get() else { return stderr::write_now(&record) };
    if !owned_process::is_owned() {
        queue.push(record);
    } else if let Some(record) = queue.push_for_reader(record) {
        // The server has stopped, and the process has not ended.
        stderr::write_now(&record);
    }
}
