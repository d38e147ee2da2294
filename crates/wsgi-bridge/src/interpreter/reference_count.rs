//! Checks whether the bridge holds the only reference to an object.
//!
//! The check runs after a request, so that objects given to the application can be reused instead
//! of created again. Python has no safe API for it, because the result is meaningless while other
//! threads run. Here the interpreter's lock is held; without such a lock, the check is not used
//! (see `worker/reused_objects.rs`).

#![expect(unsafe_code, reason = "Py_REFCNT has no safe counterpart in pyo3")]

use pyo3::ffi;
use pyo3::prelude::*;

/// The number of references to the object, including ours.
pub(crate) fn references<T>(_py: Python<'_>, object: &Py<T>) -> isize {
    // SAFETY: the pointer is that of a live object, to which `object` holds a reference; the token
    // proves that this thread is attached, so that the count is not changed while it is read.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}
