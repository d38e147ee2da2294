//! A stream into the log. It has what `sys.stderr` has, so that libraries that want a text file, its
//! descriptor or its buffer can use it.

use std::borrow::Cow;
use std::sync::Arc;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMemoryView, PyString, PyTuple};

use super::lines;
use crate::interpreter::attach;
use crate::log::ErrorLines;

/// How characters are written that UTF-8 does not have.
const ERRORS: &str = "backslashreplace";

/// A stream of text into the log.
///
/// # Errors
/// MemoryError.
pub fn log_stream(py: Python<'_>, log: Arc<dyn ErrorLines>) -> PyResult<Bound<'_, PyAny>> {
    let initializer = PyClassInitializer::from(LogFile { log }).add_subclass(ErrorStream);
    Bound::new(py, initializer).map(Bound::into_any)
}

/// The text, with lone surrogates as `\udc80`, which is what `errors` says.
fn with_backslashes<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text));
    }
    let encoded = text.call_method1("encode", ("utf-8", ERRORS))?;
    Ok(Cow::Owned(String::from_utf8_lossy(encoded.cast::<PyBytes>()?.as_bytes()).into_owned()))
}

/// What the streams of text and of bytes have in common.
#[pyclass(frozen, subclass, module = "maitred")]
struct LogFile {
    log: Arc<dyn ErrorLines>,
}

#[pymethods]
impl LogFile {
    /// Writes what this thread has begun, and waits until it has been written.
    fn flush(&self, py: Python<'_>) {
        lines::finish(&*self.log);
        attach::detached(py, || self.log.flush());
    }

    /// Only flushes: the stream is the server's (PEP 3333).
    fn close(&self, py: Python<'_>) {
        self.flush(py);
    }

    /// Whether colours are shown.
    fn isatty(&self) -> bool {
        self.log.shows_colours()
    }

    /// The descriptor of standard error, where the log is written.
    fn fileno(&self) -> i32 {
        2
    }

    fn writable(&self) -> bool {
        true
    }

    fn readable(&self) -> bool {
        false
    }

    fn seekable(&self) -> bool {
        false
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    /// The name that `sys.stderr` has.
    #[getter]
    fn name(&self) -> &'static str {
        "<stderr>"
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) {
        self.flush(py);
    }

    /// What a file has besides, and an error stream refuses: it cannot be read or positioned.
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        const REFUSED: [&str; 8] =
            ["read", "readline", "readlines", "readinto", "seek", "tell", "truncate", "detach"];
        if !REFUSED.contains(&name) {
            let message = format!("the error stream has no attribute {name:?}");
            return Err(PyAttributeError::new_err(message));
        }
        let refuse = Unsupported { message: format!("{name} of the error stream") };
        Ok(Py::new(py, refuse)?.into_any())
    }
}

/// The stream of text.
#[pyclass(frozen, extends = LogFile, module = "maitred")]
struct ErrorStream;

#[pymethods]
impl ErrorStream {
    /// Writes text, and returns its number of characters, as text streams do.
    fn write(slf: PyRef<'_, Self>, text: &Bound<'_, PyString>) -> PyResult<usize> {
        lines::write(&*slf.as_super().log, &with_backslashes(text)?);
        text.len()
    }

    /// Writes each text of an iterable.
    fn writelines(slf: PyRef<'_, Self>, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            lines::write(&*slf.as_super().log, &with_backslashes(line?.cast()?)?);
        }
        Ok(())
    }

    /// The same stream for bytes.
    #[getter]
    fn buffer<'py>(slf: PyRef<'py, Self>, py: Python<'py>) -> PyResult<Bound<'py, ErrorBuffer>> {
        let log = Arc::clone(&slf.as_super().log);
        Bound::new(py, PyClassInitializer::from(LogFile { log }).add_subclass(ErrorBuffer))
    }

    /// Accepts what `io.TextIOWrapper` does, and changes nothing: encoding and lines are the log's.
    #[pyo3(signature = (**_options))]
    fn reconfigure(&self, _options: Option<&Bound<'_, PyDict>>) {}

    #[getter]
    fn mode(&self) -> &'static str {
        "w"
    }

    #[getter]
    fn encoding(&self) -> &'static str {
        "utf-8"
    }

    #[getter]
    fn errors(&self) -> &'static str {
        ERRORS
    }

    #[getter]
    fn newlines(&self) -> Option<&'static str> {
        None
    }

    #[getter]
    fn line_buffering(&self) -> bool {
        true
    }

    #[getter]
    fn write_through(&self) -> bool {
        false
    }
}

/// The stream of bytes below the stream of text, as `sys.stderr.buffer`.
#[pyclass(frozen, extends = LogFile, module = "maitred")]
struct ErrorBuffer;

#[pymethods]
impl ErrorBuffer {
    /// Writes bytes, which should be UTF-8, and returns their number.
    fn write(slf: PyRef<'_, Self>, bytes: &Bound<'_, PyAny>) -> PyResult<usize> {
        let bytes = PyMemoryView::from(bytes)?.call_method0("tobytes")?;
        let text = bytes.call_method1("decode", ("utf-8", ERRORS))?;
        lines::write(&*slf.as_super().log, &with_backslashes(text.cast()?)?);
        bytes.len()
    }

    #[getter]
    fn mode(&self) -> &'static str {
        "wb"
    }
}

/// Raises `io.UnsupportedOperation` when it is called, for the methods of files that make no sense
/// here.
#[pyclass(frozen)]
struct Unsupported {
    message: String,
}

#[pymethods]
impl Unsupported {
    #[pyo3(signature = (*_arguments))]
    fn __call__(&self, py: Python<'_>, _arguments: &Bound<'_, PyTuple>) -> PyResult<()> {
        let class = py.import("io")?.getattr("UnsupportedOperation")?;
        Err(PyErr::from_value(class.call1((&self.message,))?))
    }
}
