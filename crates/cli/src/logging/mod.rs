//! The log: writes `tracing` events of any Rust thread to stderr, or passes them to Python's
//! `logging`.
//!
//! Logging must never wait for a disk, a terminal or the interpreter. So a record goes into a
//! bounded queue, which one thread reads. Records that do not fit are dropped; the next record that
//! fits reports how many.
//!
//! If an event's `target` begins with `maitred.` (`maitred.queue`), it is the name of the logger;
//! otherwise, the logger is `maitred`.

mod exception;
mod line;
mod process_queue;
mod python;
mod queue;
mod stderr;
mod subscriber;

pub(crate) use subscriber::{learn_thread_name, learn_worker_number, receive};

use std::time::Duration;

use maitred_config::{Loaded, LogFormat};
use maitred_wsgi_bridge::ErrorOutput;
use pyo3::prelude::*;

use python::PythonLog;
use queue::{Record, Severity};
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
    pub(crate) fn start(py: Python<'_>, output: LogOutput, format: LogFormat) -> PyResult<Self> {
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
    stderr::write_now(&Record {
        time: queue::now(),
        severity: Severity::Warning,
        logger: "maitred",
        thread: std::thread::current().name().unwrap_or("unnamed").into(),
        message: message.into(),
        fields: subscriber::process_fields(),
        exception: None,
    });
}

/// Takes a record: it waits for the thread that writes, or is written at once in a forked child,
/// which has no such thread. A child may have any lock held for ever, so none is taken there.
fn log(record: Record) {
    match process_queue::get() {
        Some(queue) => queue.push(record),
        None => stderr::write_now(&record),
    }
}
