//! Converts a Rust socket to a Python `socket.socket`, which owns it from then on.

use pyo3::prelude::*;
use pyo3::types::PyDict;

#[cfg(unix)]
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd as Owned};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket as _, IntoRawSocket as _, OwnedSocket as Owned};

/// `socket.socket(fileno=…)`, which detects family and type.
///
/// # Errors
/// Python rejects the socket, which is then closed.
pub(crate) fn python_socket(
    py: Python<'_>,
    socket: impl Into<Owned>,
) -> PyResult<Bound<'_, PyAny>> {
    let socket = socket.into();
    #[cfg(unix)]
    let number = socket.as_raw_fd();
    #[cfg(windows)]
    let number = socket.as_raw_socket();
    let options = PyDict::new(py);
    options.set_item("fileno", number)?;
    let object = py.import("socket")?.call_method("socket", (), Some(&options))?;
    // From here on Python closes it.
    #[cfg(unix)]
    let _ = socket.into_raw_fd();
    #[cfg(windows)]
    let _ = socket.into_raw_socket();
    Ok(object)
}
