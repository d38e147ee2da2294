//! Whether anybody but us still holds an object.
//!
//! It is asked when a request is over, so that what the application was given can be given again
//! instead of being made anew. Python has no safe question of this kind, because the answer is
//! worthless while other threads run: here the interpreter's lock is held, and where there is
//! no such lock nobody asks (see `handles`).

#![expect(unsafe_code, reason = "Py_REFCNT has no safe counterpart in pyo3")]

use pyo3::ffi;
use pyo3::prelude::*;

/// How many references to the object there are, ours included.
pub(crate) fn references<T>(_py: Python<'_>, object: &Py<T>) -> isize {
    // SAFETY: the pointer is that of a live object, to which `object` holds a reference; the token
    // proves that this thread is attached, so that the count is not changed while it is read.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}
