//! An exception of the application that only the server sees.
//!
//! In a program that embeds the server, it goes to Python's `logging`, as all records do. On the command
//! line it goes there as well, at once and on the thread of the request, so that error trackers and
//! Django's handlers see it where it belongs; then it is a line of the log, unless a handler of the
//! program has shown it on standard output or error.

use maitred_wsgi_bridge::log::Raised;
use pyo3::prelude::*;

use super::exception::Exception;
use super::queue::{Fields, Record, Severity, Value};
use super::{LogOutput, log, python, record};

/// The logger of exceptions.
const APPLICATION: &str = "maitred.application";

/// Logs an exception of the application.
pub(crate) fn log_exception(
    py: Python<'_>,
    raised: &Raised<'_>,
    message: String,
    output: LogOutput,
) {
    let record = record(APPLICATION, Severity::Error, message, fields(raised));
    match output {
        LogOutput::Python => {
            log(Record { exception: Exception::of(raised.error), ..record });
        }
        LogOutput::Stderr => {
            let is_shown = python::report(py, &record, raised.error).unwrap_or_else(|error| {
                error.write_unraisable(py, None);
                false
            });
            if !is_shown {
                log(record);
            }
        }
    }
}

fn fields(raised: &Raised<'_>) -> Fields {
    let mut fields = vec![
        ("method".into(), Value::Text(raised.head.method().into())),
        // Without the query, which may contain secrets.
        ("path".into(), Value::Text(raised.head.path().escape_ascii().to_string())),
        ("exception".into(), Value::Text(raised.exception.into())),
    ];
    if let Some(request_id) = raised.request_id {
        fields.push(("request_id".into(), Value::Text(request_id.into())));
    }
    fields.push(("traceback".into(), Value::Text(raised.traceback.into())));
    fields
}
