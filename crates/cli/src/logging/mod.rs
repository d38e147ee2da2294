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
mod python;
mod queue;
mod subscriber;

use python::PythonLog;
pub(crate) use subscriber::{learn_thread_name, receive};

use std::io::Write;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use maitred_config::{Loaded, LogFormat};
use pyo3::prelude::*;

use line::write_line;
use queue::Queue;

/// The logger of what the application writes to `wsgi.errors`. Its lines are logged at every
/// `log-level`, and the text format leaves them unchanged.
pub(crate) const ERRORS: &str = "maitred.errors";

/// The queue of this process. Two servers in one process share it, as they share stderr.
fn queue() -> &'static Arc<Queue> {
    static QUEUE: std::sync::LazyLock<Arc<Queue>> = std::sync::LazyLock::new(Arc::default);
    &QUEUE
}

/// The number of records dropped since the start.
pub(crate) fn dropped() -> u64 {
    queue().dropped_total()
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

/// The log of the command line: a thread that writes lines to stderr.
pub(crate) struct StderrLog {
    reader: queue::Reader,
    /// Becomes disconnected when the thread ends.
    ended: mpsc::Receiver<()>,
}

/// The maximum time to write the last records if nobody reads stderr.
const FLUSH_SECONDS_MAX: u64 = 5;

impl StderrLog {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(format: LogFormat) -> std::io::Result<Self> {
        let reader = queue().open();
        let mut records = reader.clone();
        let (alive, ended) = mpsc::channel();
        std::thread::Builder::new().name("maitred-log".into()).spawn(move || {
            let _alive = alive;
            let mut text = Vec::new();
            while let Some(batch) = records.next_batch() {
                text.clear();
                for record in &batch {
                    write_line(&mut text, record, format);
                }
                // If stderr is gone, the error cannot be reported anywhere.
                let _ = std::io::stderr().lock().write_all(&text);
            }
        })?;
        Ok(Self { reader, ended })
    }
}

impl Drop for StderrLog {
    /// Writes the remaining records, and ends the thread.
    fn drop(&mut self) {
        self.reader.close();
        // Nothing is ever sent: it returns when the thread ends, or after the timeout.
        let _ = self.ended.recv_timeout(Duration::from_secs(FLUSH_SECONDS_MAX));
    }
}
