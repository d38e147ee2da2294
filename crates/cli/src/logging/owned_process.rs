//! Standard error of a process that the server owns: the command line's and its workers'.
//!
//! There, records that come when the log has ended are still written. With `json` and
//! `console`, everything that Rust and Python write to standard error becomes a record: `sys.stderr` leads into
//! the log, so that prints, warnings and tracebacks get there whoever writes them; uncaught exceptions
//! and panics are one record each; and what the application logs without a handler of its own is one,
//! too. Only what writes to the descriptor itself cannot be caught: C code, child processes, and
//! Python's fatal errors.
//!
//! A program that embeds the server keeps its standard error as it is.

use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use maitred_wsgi_bridge::log::ErrorLines;
use pyo3::prelude::*;

use super::line::LineFormat;
use super::queue::{Fields, Record, Severity, Value};
use super::{log, record, stderr, subscriber};

static IS_OWNED: AtomicBool = AtomicBool::new(false);

/// Whether the server owns this process.
pub(super) fn is_owned() -> bool {
    IS_OWNED.load(Ordering::Relaxed)
}

/// From now on this process is the server's, and its log has this format.
///
/// # Errors
/// Python's standard error cannot be replaced.
pub(crate) fn adopt(py: Python<'_>, format: LineFormat) -> PyResult<()> {
    IS_OWNED.store(true, Ordering::Relaxed);
    super::set_format(format);
    subscriber::learn_thread_name(py);
    if format == LineFormat::Text {
        return Ok(());
    }
    std::panic::set_hook(Box::new(log_panic));
    let stream = maitred_wsgi_bridge::log_stream(py, Arc::new(StandardError))?;
    let functions =
        (stream, wrap_pyfunction!(log_record, py)?, wrap_pyfunction!(write_waiting, py)?);
    py.import("maitred._logging")?.call_method1("adopt", functions).map(drop)
}

/// The application has been imported, and has configured `logging` if it wants to.
///
/// # Errors
/// Python has no memory.
pub(crate) fn application_imported(py: Python<'_>) -> PyResult<()> {
    if is_owned() && stderr::format() != LineFormat::Text {
        py.import("maitred._logging")?.call_method0("application_imported")?;
    }
    Ok(())
}

/// `sys.stderr`.
struct StandardError;

impl ErrorLines for StandardError {
    fn written(&self, text: &str) {
        Python::attach(subscriber::learn_thread_name);
        super::write_text(text);
    }

    fn flush(&self) {
        super::flush();
    }
}

/// Logs a record of Python's `logging`.
#[pyfunction]
fn log_record(
    level: i64,
    logger: String,
    thread: String,
    created: f64,
    message: String,
    fields: Vec<(String, Bound<'_, PyAny>)>,
) {
    let severity = match level {
        40.. => Severity::Error,
        30.. => Severity::Warning,
        20.. => Severity::Info,
        10.. => Severity::Debug,
        _ => Severity::Trace,
    };
    let mut fields: Fields =
        fields.iter().map(|(name, it)| (name.clone().into(), value(it))).collect();
    fields.extend(subscriber::process_fields());
    log(Record {
        time: UNIX_EPOCH + Duration::try_from_secs_f64(created).unwrap_or_default(),
        severity,
        logger: logger.into(),
        thread: thread.into(),
        message,
        fields,
        exception: None,
    });
}

fn value(object: &Bound<'_, PyAny>) -> Value {
    if let Ok(truth) = object.extract::<bool>() {
        Value::Bool(truth)
    } else if let Ok(number) = object.extract::<i128>() {
        Value::Whole(number)
    } else if let Ok(number) = object.extract::<f64>()
        && number.is_finite()
    {
        Value::Real(number)
    } else {
        Value::Text(object.str().map(|text| text.to_string_lossy().into()).unwrap_or_default())
    }
}

/// Writes what waits for a log that was not started: the program ends.
#[pyfunction]
fn write_waiting(py: Python<'_>) {
    py.detach(stderr::write_waiting);
}

/// Logs a panic, which the thread or the process may not survive.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let message = match text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)) {
        Some(text) => format!("a thread panicked: {text}"),
        None => "a thread panicked".to_owned(),
    };
    let place = panic.location().map(|it| ("location".into(), Value::Text(it.to_string())));
    log(record("maitred", Severity::Error, message, place.into_iter().collect()));
}
