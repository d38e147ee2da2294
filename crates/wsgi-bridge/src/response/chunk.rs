//! A chunk of a response body: `bytes`, or any other bytes-like object.
//!
//! PEP 3333 speaks of bytestrings. `bytearray`, `memoryview` and the like cannot be mistaken for
//! anything else, and frameworks return them (a `memoryview` is what a database gives for a blob), so
//! they are accepted, as in Waitress. They are copied at once: the application may change them when
//! it has got control again.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::interpreter::attach;

/// The bytes of `object`; `None` if it is not bytes-like.
///
/// # Errors
/// The object cannot give its bytes now, such as a `memoryview` that has been released.
pub(super) fn to_bytes<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Some(bytes.clone()));
    }
    let copied = attach::call_python(|| PyMemoryView::from(object)?.call_method0("tobytes"));
    match copied {
        Ok(copied) => Ok(Some(copied.cast_into()?)),
        Err(error) if error.is_instance_of::<PyTypeError>(object.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name of the type of what is no chunk, for the message that says so.
pub(super) fn kind(object: &Bound<'_, PyAny>) -> String {
    object
        .get_type()
        .qualname()
        .map_or_else(|_| "something else".to_owned(), |name| name.to_string_lossy().into_owned())
}
