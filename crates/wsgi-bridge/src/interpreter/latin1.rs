//! Converts bytes to `str` and back, as PEP 3333 ("A Note On String Types") requires: each byte is
//! one character up to U+00FF.
//!
//! The unsafe calls of the hot path are here. pyo3 creates strings only from UTF-8, which would copy
//! every value twice; CPython's own decoder checks for ASCII, allocates once, and copies once. And
//! pyo3 does not tell the length of a `str`, by which ASCII is known without looking at its bytes.

#![expect(unsafe_code, reason = "these two calls have no safe counterpart in pyo3")]

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
#[inline(always)] // a header is two calls, and the fast path is shorter than a call
pub(crate) fn to_bytes<'a>(text: &'a Bound<'_, PyString>, what: &str) -> PyResult<Cow<'a, [u8]>> {
    match text.to_str() {
        // Only ASCII has as many bytes in UTF-8 as characters.
        Ok(utf8) if utf8.len() == length(text) => Ok(Cow::Borrowed(utf8.as_bytes())),
        Ok(utf8) => beyond_ascii(utf8, what).map(Cow::Owned),
        Err(_) => Err(beyond(what)), // a lone surrogate is beyond latin-1 too
    }
}

/// The number of characters.
#[inline(always)]
fn length(text: &Bound<'_, PyString>) -> usize {
    // SAFETY: the object is a str, which never changes its length; the length is not negative.
    unsafe { ffi::PyUnicode_GET_LENGTH(text.as_ptr()) as usize }
}

#[cold]
fn beyond_ascii(utf8: &str, what: &str) -> PyResult<Vec<u8>> {
    let bytes = utf8.chars().map(|character| u8::try_from(u32::from(character)).ok());
    bytes.collect::<Option<_>>().ok_or_else(|| beyond(what))
}

#[cold]
fn beyond(what: &str) -> PyErr {
    PyValueError::new_err(format!("{what} holds a character that latin-1 does not have"))
}
