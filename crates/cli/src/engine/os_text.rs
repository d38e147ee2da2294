//! Text of the operating system as Python has it.
//!
//! Python decodes paths, arguments and variables by its own encoding of the file system, which is not
//! UTF-8 in some locales, with surrogates for what it cannot decode. Text that was decoded otherwise
//! means another path there, or none.

use std::ffi::OsStr;

use pyo3::prelude::*;

/// What `os.fsdecode` makes of a text.
///
/// # Errors
/// Python's `os` cannot be imported.
#[cfg(unix)]
pub(crate) fn to_python<'py>(py: Python<'py>, text: &OsStr) -> PyResult<Bound<'py, PyAny>> {
    use std::os::unix::ffi::OsStrExt as _;

    let bytes = pyo3::types::PyBytes::new(py, text.as_bytes());
    py.import("os")?.call_method1("fsdecode", (bytes,))
}

/// The same text: paths are Unicode.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub(crate) fn to_python<'py>(py: Python<'py>, text: &OsStr) -> PyResult<Bound<'py, PyAny>> {
    Ok(text.into_pyobject(py)?.into_any())
}
