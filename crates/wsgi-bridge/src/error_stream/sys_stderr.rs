//! `wsgi.errors` of a program that embeds the server: the text goes to `sys.stderr` as it is, as in
//! Waitress.
//!
//! It does not go to `logging`: the application has formatted it, often by a handler of `logging` that
//! writes here, and would format it again.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// The stream to `sys.stderr`, whatever it is at the moment: programs and tests replace it.
#[pyclass(frozen, module = "maitred")]
pub(super) struct SysStderr;

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
