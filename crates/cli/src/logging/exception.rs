//! The exception of a record, for handlers of Python's `logging` that want the object: trackers of
//! errors group by its stack, and know by it what they have been told already.
//!
//! An event of `tracing` carries it as a `dyn Error`; only here it is known for what it is. A
//! waiting record keeps the frames of the exception, so that only so many may wait at a time, and
//! none where the log does not go to Python. Once handed over it is let go, on the log's thread.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Exceptions that may wait to be handed over. A request's locals may be large, and a log that is
/// slower than the application fails must not hold them all: further records have the text alone.
const WAITING_MAX: usize = 64;

static WAITING: AtomicUsize = AtomicUsize::new(0);

/// How many threads hand records to Python.
static TAKERS: AtomicUsize = AtomicUsize::new(0);

/// As long as one of these exists, records keep their exceptions.
pub(super) struct Wanted(());

impl Wanted {
    pub(super) fn new() -> Self {
        TAKERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        TAKERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An exception that waits to be handed over.
#[derive(Debug)]
pub(super) struct Exception(PyErr);

impl Exception {
    /// What `error` is, if it is an exception of Python and somebody wants it. The thread must be
    /// attached to the interpreter if it is one.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let error = error.downcast_ref::<PyErr>()?;
        if TAKERS.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let may_wait = |waiting| (waiting < WAITING_MAX).then_some(waiting + 1);
        WAITING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, may_wait).ok()?;
        Some(Self(Python::attach(|py| error.clone_ref(py))))
    }

    /// What `logging` calls `exc_info`.
    ///
    /// # Errors
    /// Python has no memory.
    pub(super) fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        exception_info(py, &self.0)
    }
}

/// What `logging` calls `exc_info`.
///
/// # Errors
/// Python has no memory.
pub(super) fn exception_info<'py>(py: Python<'py>, error: &PyErr) -> PyResult<Bound<'py, PyTuple>> {
    (error.get_type(py), error.value(py), error.traceback(py)).into_pyobject(py)
}

impl Drop for Exception {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use pyo3::exceptions::PyValueError;

    use super::*;

    #[test]
    fn as_many_exceptions_wait_as_may_and_none_that_nobody_wants() {
        Python::initialize();
        let error = PyValueError::new_err("a mistake");
        assert!(Exception::of(&error).is_none(), "nobody wants it");
        let wanted = Wanted::new();
        let mut waiting: Vec<_> = (0..WAITING_MAX).map_while(|_| Exception::of(&error)).collect();
        assert_eq!(waiting.len(), WAITING_MAX);
        assert!(Exception::of(&error).is_none(), "one too many");
        waiting.pop();
        assert!(Exception::of(&error).is_some(), "there is room again");
        assert!(Exception::of(&std::fmt::Error).is_none(), "no exception of Python");
        drop(wanted);
        assert!(Exception::of(&error).is_none(), "nobody wants it any more");
    }
}
