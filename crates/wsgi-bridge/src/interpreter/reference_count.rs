//! Checks whether the bridge holds the only references to an object, and keeps threads from counting
//! those to an object that they all use.
//!
//! The check runs after a request, so that objects given to the application can be reused instead
//! of created again. Python has no safe API for it, because the result is meaningless while other
//! threads run. With the interpreter's lock, none does. Without it, only the thread that created an
//! object can tell, and only that there is one reference and that it is its own; then no other thread
//! can get at the object.
//!
//! Without the lock, threads that call the same object write its reference count in turn, and each such
//! write costs a cache miss. Classes, modules and their functions are spared that: their counts are
//! *deferred*, which means that the interpreter does not count the references of its frames, and that
//! only the garbage collector releases the object. The application, which every worker calls, is given
//! the same.

#![expect(unsafe_code, reason = "reference counts have no safe counterpart in pyo3")]

use pyo3::ffi;
use pyo3::prelude::*;

/// Whether other threads may change reference counts meanwhile, so that no more than one reference
/// can be counted.
pub(crate) const COUNTS_ONE_ONLY: bool = cfg!(Py_GIL_DISABLED);

/// Whether there are exactly so many references to the object, ours included. May be false although
/// there are, but not the other way round.
pub(crate) fn has_references<T>(_py: Python<'_>, object: &Py<T>, count: isize) -> bool {
    // SAFETY: the pointer is that of a live object, to which `object` holds a reference; the token
    // proves that this thread is attached.
    unsafe { is_referenced(object.as_ptr(), count) }
}

/// Whether a bound method of ours, and the object that it is bound to, have no other reference than
/// `method` and the method's own.
pub(crate) fn is_free_method<T>(
    py: Python<'_>,
    method: &Py<PyAny>,
    is_free: impl FnOnce(&Bound<'_, T>) -> bool,
) -> bool
where
    T: pyo3::PyClass,
{
    if !has_references(py, method, 1) {
        return false;
    }
    // SAFETY: `method` is alive, and this thread attached; the function checks the type, and returns
    // a borrowed reference, which the method holds, or null with an exception set.
    let own = unsafe { ffi::PyCFunction_GetSelf(method.as_ptr()) };
    if own.is_null() {
        drop(PyErr::take(py));
        return false;
    }
    // SAFETY: as above; nothing releases the method's reference meanwhile.
    let is_referenced_once = unsafe { is_referenced(own, 1) };
    // SAFETY: as above; it becomes a reference of its own here, after the count.
    let own = unsafe { Bound::from_borrowed_ptr(py, own) };
    is_referenced_once && own.cast::<T>().is_ok_and(is_free)
}

/// Defers the reference count of an object, if the garbage collector knows it.
#[cfg(all(Py_GIL_DISABLED, not(windows)))]
pub(crate) fn defer(object: &Bound<'_, PyAny>) {
    // SAFETY: as CPython declares it, since 3.14; pyo3 does not.
    unsafe extern "C" {
        fn PyUnstable_Object_EnableDeferredRefcount(object: *mut ffi::PyObject) -> std::ffi::c_int;
    }
    // SAFETY: the object is alive, and this thread attached. The function is thread-safe and cannot
    // fail; it returns whether it has done something.
    unsafe { PyUnstable_Object_EnableDeferredRefcount(object.as_ptr()) };
}

/// With a lock, there is nothing to gain. On Windows, only what pyo3 declares can be linked.
#[cfg(not(all(Py_GIL_DISABLED, not(windows))))]
pub(crate) const fn defer(_object: &Bound<'_, PyAny>) {}

/// # Safety
/// The object is alive, and this thread is attached.
#[cfg(not(Py_GIL_DISABLED))]
unsafe fn is_referenced(object: *mut ffi::PyObject, count: isize) -> bool {
    // SAFETY: the caller guarantees it.
    unsafe { ffi::Py_REFCNT(object) == count }
}

/// # Safety
/// The object is alive, and this thread is attached.
#[cfg(Py_GIL_DISABLED)]
unsafe fn is_referenced(object: *mut ffi::PyObject, count: isize) -> bool {
    // SAFETY: the caller guarantees it.
    count == 1 && unsafe { ffi::PyUnstable_Object_IsUniquelyReferenced(object) } == 1
}
