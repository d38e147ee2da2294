//! The log of a program that embeds the server: records go to Python's `logging`.
//!
//! One Python thread, `maitred-log`, passes them on. So handlers, filters, Sentry or caplog run on
//! that thread, and never on a thread of the server. The thread lives as long as a server runs.

use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use maitred_wsgi_bridge::interpreter::threads;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::exception::{Wanted, exception_info};
use super::queue::{Reader, Record, Severity, Value};

/// The running thread and how many servers want it.
static SHARED: Mutex<Option<SharedLog>> = Mutex::new(None);

struct SharedLog {
    users: usize,
    reader: Reader,
    thread: Py<PyAny>,
    _wanted: Wanted,
    /// A forked child inherits this value, but not the thread.
    process: u32,
}

/// The log goes to Python as long as one of these exists.
pub(crate) struct PythonLog(());

impl PythonLog {
    /// Starts the thread, unless another server has.
    ///
    /// # Errors
    /// Python cannot start a thread.
    pub(crate) fn start(py: Python<'_>) -> PyResult<Self> {
        let process = std::process::id();
        let mut shared = SHARED.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = shared.as_mut().filter(|shared| shared.process == process) {
            shared.users += 1;
            return Ok(Self(()));
        }
        let reader = super::process_queue::get_or_create().open();
        let options = PyDict::new(py);
        options.set_item("target", LogThread(reader.clone()).into_pyobject(py)?)?;
        options.set_item("name", "maitred-log")?;
        options.set_item("daemon", true)?;
        let thread = py.import("threading")?.call_method("Thread", (), Some(&options))?;
        thread.call_method0("start")?;
        *shared = Some(SharedLog {
            users: 1,
            reader,
            thread: thread.unbind(),
            _wanted: Wanted::new(),
            process,
        });
        Ok(Self(()))
    }

    /// Passes on the remaining records, and ends the thread unless another server uses it.
    ///
    /// # Errors
    /// The wait was interrupted, by Ctrl-C for one.
    pub(crate) fn stop(self, py: Python<'_>) -> PyResult<()> {
        let mut shared = SHARED.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        let Some(mut last) = shared.take() else { return Ok(()) };
        last.users -= 1;
        if last.users > 0 {
            *shared = Some(last);
            return Ok(());
        }
        drop(shared);
        last.reader.close();
        // A handler that never returns must not keep the program from ending.
        last.thread.call_method1(py, "join", (JOIN_SECONDS_MAX,))?;
        Ok(())
    }
}

/// The maximum time to pass on the last records.
const JOIN_SECONDS_MAX: f64 = 5.0;

/// What the thread runs.
#[pyclass(frozen)]
struct LogThread(Reader);

#[pymethods]
impl LogThread {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        let _counted = threads::count(); // the import may take longer than a short program
        let logging = py.import("logging")?;
        let mut reader = self.0.clone();
        while let Some(batch) = py.detach(|| threads::without_gil(|| reader.next_batch())) {
            for record in batch {
                // A failing handler reports itself (`logging.raiseExceptions`). No other failure
                // may end the log.
                if let Err(error) = hand_over(&logging, &record) {
                    error.write_unraisable(py, Some(&logging));
                }
            }
        }
        Ok(())
    }
}

fn hand_over(logging: &Bound<'_, PyModule>, record: &Record) -> PyResult<()> {
    let (number, _) = level(record.severity);
    let logger = logging.call_method1("getLogger", (&*record.logger,))?;
    if !logger.call_method1("isEnabledFor", (number,))?.is_truthy()? {
        return Ok(());
    }
    let exception = record.exception.as_ref().map(|it| it.info(logging.py())).transpose()?;
    logger.call_method1("handle", (python_record(logging, record, exception)?,)).map(drop)
}

/// Hands a record to the handlers of the program, on this thread, as an application would log it.
/// Returns whether one of them shows it on standard output or error.
///
/// # Errors
/// A filter of the program raised an exception.
pub(super) fn report(py: Python<'_>, record: &Record, exception: &PyErr) -> PyResult<bool> {
    let logging = py.import("logging")?;
    let python_record = python_record(&logging, record, Some(exception_info(py, exception)?))?;
    py.import("maitred._logging")?.call_method1("report", (python_record,))?.extract()
}

/// The level of `logging`: number and name.
const fn level(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Error => (40, "ERROR"),
        Severity::Warning => (30, "WARNING"),
        Severity::Info => (20, "INFO"),
        Severity::Debug => (10, "DEBUG"),
        Severity::Trace => (5, "TRACE"),
    }
}

/// The record as `logging` has them.
fn python_record<'py>(
    logging: &Bound<'py, PyModule>,
    record: &Record,
    exception: Option<Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = logging.py();
    let (number, name) = level(record.severity);
    let created = record.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let attributes = PyDict::new(py);
    attributes.set_item("name", &*record.logger)?;
    attributes.set_item("levelno", number)?;
    attributes.set_item("levelname", name)?;
    attributes.set_item("created", created.as_secs_f64())?;
    attributes.set_item("msecs", created.subsec_millis())?;
    attributes.set_item("threadName", &*record.thread)?;
    attributes.set_item("pathname", "maitred")?;
    attributes.set_item("filename", "maitred")?;
    attributes.set_item("module", "maitred")?;
    let extra = PyDict::new(py);
    let mut message = record.message.clone();
    for (name, value) in &record.fields {
        match value {
            Value::Text(text) => extra.set_item(&**name, text)?,
            Value::Whole(number) => extra.set_item(&**name, number)?,
            Value::Real(number) => extra.set_item(&**name, number)?,
            Value::Bool(truth) => extra.set_item(&**name, truth)?,
        }
        match value {
            // A formatter appends `exc_text` after the line, like any traceback.
            Value::Text(text) if *name == "traceback" || *name == "stack" => {
                attributes.set_item("exc_text", text.trim_end())?;
            }
            Value::Text(text) => message.push_str(&format!(" {name}={text:?}")),
            Value::Whole(number) => message.push_str(&format!(" {name}={number}")),
            Value::Real(number) => message.push_str(&format!(" {name}={number}")),
            Value::Bool(truth) => message.push_str(&format!(" {name}={truth}")),
        }
    }
    if let Some(exception) = exception {
        attributes.set_item("exc_info", exception)?;
    }
    attributes.set_item("msg", message)?;
    attributes.set_item("args", PyList::empty(py).to_tuple())?;
    attributes.set_item("maitred", extra)?;
    logging.call_method1("makeLogRecord", (attributes,))
}
