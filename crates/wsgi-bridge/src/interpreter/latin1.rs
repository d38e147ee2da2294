//! Converts bytes to `str` and back, as PEP 3333 ("A Note On String Types") requires: each byte is
//! one character up to U+00FF.
//!
//! The one unsafe call of the hot path is here: pyo3 creates strings only from UTF-8, which would
//! copy every value twice. CPython's own decoder checks for ASCII, allocates once, and copies once.

#![expect(unsafe_code, reason = "PyUnicode_DecodeLatin1 has no safe counterpart in pyo3")]

use std::borrow::Cow;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// `bytes` as a `str` of the same length.
///
/// # Errors
/// MemoryError.
pub(crate) fn to_str<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // A slice never holds more than isize::MAX bytes, so the length keeps its value.
    let length = bytes.len() as ffi::Py_ssize_t;
    // SAFETY: the pointer and the length are those of a live slice, which CPython only reads; a
    // null `errors` means "strict", and latin-1 has no errors. `py` proves that we are attached.
    // The result is a new reference to a str, or null with an exception set.
    unsafe {
        let text = ffi::PyUnicode_DecodeLatin1(bytes.as_ptr().cast(), length, std::ptr::null());
        Bound::from_owned_ptr_or_err(py, text).map(|text| text.cast_into_unchecked())
    }
}

/// The latin-1 bytes of `text`; borrowed from the `str` itself where it is ASCII.
///
/// # Errors
/// ValueError, naming `what`, when a character is beyond U+00FF.
#[inline]
pub(crate) fn to_bytes<'a>(text: &'a Bound<'_, PyString>, what: &str) -> PyResult<Cow<'a, [u8]>> {
    let utf8 = text.to_str().map_err(|_| beyond(what))?; // a lone surrogate is beyond latin-1 too
    if utf8.is_ascii() {
        return Ok(Cow::Borrowed(utf8.as_bytes()));
    }
    let bytes = utf8.chars().map(|character| u8::try_from(u32::from(character)).ok());
    bytes.collect::<Option<_>>().map(Cow::Owned).ok_or_else(|| beyond(what))
}

#[cold]
fn beyond(what: &str) -> PyErr {
    PyValueError::new_err(format!("{what} holds a character that latin-1 does not have"))
}
