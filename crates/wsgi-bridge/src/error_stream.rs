//! `wsgi.errors`: a text stream into the log (PEP 3333, "Input and Error Streams").
//!
//! `print(..., file=environ["wsgi.errors"])` writes in pieces, from several threads at once. The
//! stream buffers each thread's pieces and logs whole lines: at a line end, at `flush()`, and, on
//! worker threads, at the end of the request. Threads that the application starts must end their
//! lines, or flush.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::log::Log;

/// The maximum length of an unfinished line. A longer one is logged, so that the buffer is bounded.
const LONGEST_LINE: usize = 64 * 1024;

thread_local! {
    /// The text that this thread has written since its last line end.
    static UNFINISHED: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The stream, shared by all requests and threads.
#[pyclass(frozen, module = "maitred")]
pub(crate) struct ErrorStream {
    log: Arc<dyn Log>,
}

impl ErrorStream {
    pub(crate) fn new(log: Arc<dyn Log>) -> Self {
        Self { log }
    }
}

/// Logs the unfinished line of this thread.
pub(crate) fn finish_line(log: &dyn Log) {
    let line = UNFINISHED.with_borrow_mut(std::mem::take);
    if !line.is_empty() {
        log.written(&line);
    }
}

#[pymethods]
impl ErrorStream {
    /// Writes text, and returns its number of characters, as text streams do.
    fn write(&self, text: &Bound<'_, PyString>) -> PyResult<usize> {
        // Taken out first, because the log may run Python code that writes here.
        let mut pending = UNFINISHED.with_borrow_mut(std::mem::take);
        pending.push_str(&text.to_string_lossy());
        let mut rest = pending.as_str();
        while let Some((line, after)) = rest.split_once('\n') {
            self.log.written(line.strip_suffix('\r').unwrap_or(line));
            rest = after;
        }
        if rest.len() > LONGEST_LINE {
            self.log.written(rest);
            rest = "";
        }
        let rest = rest.to_owned();
        UNFINISHED.with_borrow_mut(|unfinished| unfinished.insert_str(0, &rest));
        text.len()
    }

    /// Writes each text of an iterable.
    fn writelines(&self, lines: &Bound<'_, PyAny>) -> PyResult<()> {
        for line in lines.try_iter()? {
            self.write(line?.cast::<PyString>()?)?;
        }
        Ok(())
    }

    fn flush(&self) {
        finish_line(&*self.log);
    }

    /// Always false.
    fn isatty(&self) -> bool {
        false
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

    /// Does nothing: the stream is the server's (PEP 3333).
    fn close(&self) {
        self.flush();
    }

    #[getter]
    fn closed(&self) -> bool {
        false
    }

    #[getter]
    fn encoding(&self) -> &'static str {
        "utf-8"
    }

    #[getter]
    fn errors(&self) -> &'static str {
        "backslashreplace"
    }
}
