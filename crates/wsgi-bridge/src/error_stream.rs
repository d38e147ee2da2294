//! `wsgi.errors`: a text stream for the application's error output (PEP 3333, "Input and Error
//! Streams").
//!
//! Where the server owns the process, the text goes to its log, line by line.
//! `print(..., file=environ["wsgi.errors"])` writes in pieces, from several threads at once, so the
//! stream buffers each thread's pieces and logs whole lines: at a line end, at `flush()`, and, on
//! worker threads, at the end of the request. Threads that the application starts must end their
//! lines, or flush. After `flush()` the text has been written, as PEP 3333 demands: a process that
//! ends right afterwards loses nothing.
//!
//! In a program that embeds the server, the text goes to `sys.stderr` as it is, as in Waitress. It
//! does not go to `logging`: the application has formatted it, often by a handler of `logging` that
//! writes here, and would format it again.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::IsTerminal as _;
use std::sync::Arc;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyMemoryView, PyString, PyTuple};

use crate::interpreter::attach;
use crate::log::Log;

/// The maximum length of an unfinished line. A longer one is logged, so that the buffer is bounded.
const LONGEST_LINE: usize = 64 * 1024;

thread_local! {
    /// The text that this thread has written since its last line end.
    static UNFINISHED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where the application's error output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOutput {
    /// To the log, line by line.
    Log,
    /// To `sys.stderr`, as it is.
    SysStderr,
}

impl ErrorOutput {
    /// The object that is `wsgi.errors`, for all requests and threads.
    pub(crate) fn stream<'py>(
        self,
        py: Python<'py>,
        log: &Arc<dyn Log>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Log => Bound::new(py, ErrorStream { log: Arc::clone(log) }).map(Bound::into_any),
            Self::SysStderr => Bound::new(py, SysStderr).map(Bound::into_any),
        }
    }
}

/// Logs the unfinished line of this thread.
pub(crate) fn finish_line(log: &dyn Log) {
    let line = UNFINISHED.with_borrow_mut(std::mem::take);
    if !line.is_empty() {
        log.written(&line);
    }
}

/// Logs the lines that `text` completes, and keeps the rest.
fn log_lines(log: &dyn Log, text: &str) {
    // Taken out first, because the log may run Python code that writes here.
    let mut pending = UNFINISHED.with_borrow_mut(std::mem::take);
    pending.push_str(text);
    let mut rest = pending.as_str();
    while let Some((line, after)) = rest.split_once('\n') {
        log.written(line.strip_suffix('\r').unwrap_or(line));
        rest = after;
    }
    if rest.len() > LONGEST_LINE {
        log.written(rest);
        rest = "";
    }
    let rest = rest.to_owned();
    UNFINISHED.with_borrow_mut(|unfinished| unfinished.insert_str(0, &rest));
}

/// Writes what this thread has begun, and waits until it has been written.
fn flush(py: Python<'_>, log: &dyn Log) {
    finish_line(log);
    attach::detached(py, || log.flush());
}

/// The text, with lone surrogates as `\udc80`, which is what `errors` says.
fn with_backslashes<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(text) = text.to_str() {
        return Ok(Cow::Borrowed(text));
    }
    let encoded = text.call_method1("encode", ("utf-8", ERRORS))?;
    Ok(Cow::Owned(String::from_utf8_lossy(encoded.cast::<PyBytes>()?.as_bytes()).into_owned()))
}

/// How characters are written that UTF-8 does not have.
const ERRORS: &str = "backslashreplace";

/// The name that `sys.stderr` has.
const NAME: &str = "<stderr>";

/// The stream into the log. It has what `sys.stderr` has, so that libraries that want a text file, its
/// descriptor or its buffer can use it.
#[pyclass(frozen, module = "maitred")]
struct ErrorStream {
    log: Arc<dyn Log>,
}

#[pymethods]
impl ErrorStream {
    /// Writes text, and returns its number of characters, as text streams do.
    fn write(&self, text: &Bound<'_, PyString>) -> PyResult<usize> {
        log_lines(&*self.log, &with_backslashes(text)?);
        text.len()
    }

    /// Writes each text of an iterable.
    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(line?.cast::<PyString>()?)?;
        }
        Ok(())
    }

    fn flush(&self, py: Python<'_>) {
        flush(py, &*self.log);
    }

    /// Whether standard error is a terminal, on which colours are shown.
    fn isatty(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// The descriptor of standard error, where the log is written.
    fn fileno(&self) -> i32 {
        2
    }

    /// The same stream for bytes.
    #[getter]
    fn buffer(&self) -> ErrorBuffer {
        ErrorBuffer { log: Arc::clone(&self.log) }
    }

    /// Accepts what `io.TextIOWrapper` does, and changes nothing: encoding and lines are the log's.
    #[pyo3(signature = (**_options))]
    fn reconfigure(&self, _options: Option<&Bound<'_, PyDict>>) {}

    fn writable(&self) -> bool {
        true
    }

    fn readable(&self) -> bool {
        false
    }

    fn seekable(&self) -> bool {
        false
    }

    /// Only flushes: the stream is the server's (PEP 3333).
    fn close(&self, py: Python<'_>) {
        flush(py, &*self.log);
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    #[getter]
    fn name(&self) -> &'static str {
        NAME
    }

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

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) {
        flush(py, &*self.log);
    }

    /// What a text file has besides, and an error stream refuses: it cannot be read or positioned.
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        unsupported(py, name)
    }
}

/// The stream of bytes below the stream of text, as `sys.stderr.buffer`.
#[pyclass(frozen, module = "maitred")]
struct ErrorBuffer {
    log: Arc<dyn Log>,
}

#[pymethods]
impl ErrorBuffer {
    /// Writes bytes, which should be UTF-8, and returns their number.
    fn write(&self, bytes: &Bound<'_, PyAny>) -> PyResult<usize> {
        let bytes = PyMemoryView::from(bytes)?.call_method0("tobytes")?;
        let text = bytes.call_method1("decode", ("utf-8", ERRORS))?;
        log_lines(&*self.log, &with_backslashes(text.cast()?)?);
        bytes.len()
    }

    fn flush(&self, py: Python<'_>) {
        flush(py, &*self.log);
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

    fn isatty(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    fn fileno(&self) -> i32 {
        2
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    #[getter]
    fn name(&self) -> &'static str {
        NAME
    }

    #[getter]
    fn mode(&self) -> &'static str {
        "wb"
    }

    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        unsupported(py, name)
    }
}

/// A function that raises `io.UnsupportedOperation`, for the methods of files that make no sense here.
fn unsupported(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    const METHODS: [&str; 8] =
        ["read", "readline", "readlines", "readinto", "seek", "tell", "truncate", "detach"];
    if !METHODS.contains(&name) {
        let message = format!("the error stream has no attribute {name:?}");
        return Err(PyAttributeError::new_err(message));
    }
    let refuse = Unsupported { message: format!("{name} of the error stream") };
    Ok(Py::new(py, refuse)?.into_any())
}

/// Raises `io.UnsupportedOperation` when it is called.
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

/// The stream to `sys.stderr`, whatever it is at the moment: programs and tests replace it.
#[pyclass(frozen, module = "maitred")]
struct SysStderr;

impl SysStderr {
    /// `None` where there is no standard error, such as in a program without a console on Windows.
    fn current(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
        Ok(py.import("sys")?.getattr_opt("stderr")?.filter(|stream| !stream.is_none()))
    }
}

#[pymethods]
impl SysStderr {
    /// Writes text, and returns its number of characters.
    fn write(&self, text: &Bound<'_, PyString>) -> PyResult<usize> {
        if let Some(stream) = Self::current(text.py())? {
            stream.call_method1("write", (text,))?;
        }
        text.len()
    }

    /// Writes each text of an iterable.
    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(line?.cast::<PyString>()?)?;
        }
        Ok(())
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        match Self::current(py)? {
            Some(stream) => stream.call_method0("flush").map(drop),
            None => Ok(()),
        }
    }

    /// Only flushes: the stream is the program's.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.flush(py)
    }

    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        match Self::current(py)? {
            Some(stream) => stream.getattr(name),
            None => Err(PyAttributeError::new_err(format!("sys.stderr is None: no {name:?}"))),
        }
    }
}
