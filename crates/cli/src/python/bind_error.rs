//! The exception for an address that cannot be listened on. Programs check its `errno`.

use std::io::ErrorKind;

use maitred_server::{BindCause, BindError};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// An `OSError` with the `errno` that Python's own socket would have raised; `socket.gaierror` for a
/// name that cannot be resolved.
pub(crate) fn os_error(py: Python<'_>, error: &BindError) -> PyErr {
    match error_of(py, error) {
        Ok(error) | Err(error) => error,
    }
}

fn error_of(py: Python<'_>, error: &BindError) -> PyResult<PyErr> {
    let name = match error.cause {
        BindCause::Unresolved => {
            let socket = py.import("socket")?;
            let arguments = (socket.getattr("EAI_NONAME")?, error.to_string());
            return Ok(PyErr::from_value(socket.call_method1("gaierror", arguments)?));
        }
        BindCause::System(ErrorKind::AddrInUse) => "EADDRINUSE",
        BindCause::System(ErrorKind::AddrNotAvailable) => "EADDRNOTAVAIL",
        BindCause::System(ErrorKind::AlreadyExists) => "EEXIST",
        BindCause::System(ErrorKind::NotFound) => "ENOENT",
        BindCause::System(ErrorKind::PermissionDenied) => "EACCES",
        BindCause::Unusable => "EINVAL",
        BindCause::System(_) => return Ok(PyOSError::new_err(error.to_string())),
    };
    let number: i32 = py.import("errno")?.getattr(name)?.extract()?;
    Ok(PyOSError::new_err((number, error.to_string())))
}
