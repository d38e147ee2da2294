//! `wsgi.input`: the whole body, complete before the application is called.
//!
//! It is a real `io.BytesIO`, or a real binary file if the body overflowed to disk: every `read`,
//! `readline`, `readlines`, `readinto`, `seek` and iteration is CPython's own, a `BufferedReader`
//! or `TextIOWrapper` can wrap it, and reading to the end never blocks. Creating one for a request
//! without a body costs 40 ns, less than a custom class would.

use std::fs::File;

use maitred_http_parser::exchange::Body;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyType};

/// The input of one request.
pub(crate) struct Input<'py> {
    pub(crate) object: Bound<'py, PyAny>,
    is_file: bool,
}

impl<'py> Input<'py> {
    pub(crate) fn new(py: Python<'py>, body: Body) -> PyResult<Self> {
        static BYTES_IO: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let bytes_io = BYTES_IO.import(py, "io", "BytesIO")?;
        let (object, is_file) = match body {
            Body::Empty => (bytes_io.call0()?, false),
            // BytesIO shares this object, and read() returns it, so this is the only copy.
            Body::Memory(bytes) => (bytes_io.call1((PyBytes::new(py, &bytes),))?, false),
            Body::File { file, .. } => (open(py, file)?, true),
        };
        Ok(Self { object, is_file })
    }

    /// Closes the descriptor after the request, even if the application still holds the object.
    pub(crate) fn close(self) -> PyResult<()> {
        if self.is_file {
            self.object.call_method0("close")?;
        }
        Ok(())
    }
}

/// A buffered binary file over the descriptor, which it closes.
#[cfg(unix)]
fn open(py: Python<'_>, file: File) -> PyResult<Bound<'_, PyAny>> {
    use std::os::fd::IntoRawFd;
    py.import("io")?.call_method1("open", (file.into_raw_fd(), "rb"))
}

/// A buffered binary file over the handle, which it closes.
#[cfg(windows)]
fn open(py: Python<'_>, file: File) -> PyResult<Bound<'_, PyAny>> {
    use std::os::windows::io::{AsRawHandle, IntoRawHandle};
    let handle = file.as_raw_handle() as isize;
    let descriptor = py.import("msvcrt")?.call_method1("open_osfhandle", (handle, 0))?;
    // From here on, the descriptor owns the handle.
    let _ = file.into_raw_handle();
    py.import("io")?.call_method1("open", (descriptor, "rb"))
}
