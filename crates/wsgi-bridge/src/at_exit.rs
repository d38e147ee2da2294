//! What Python calls before the interpreter shuts down (the module `atexit`), each handler
//! registered once in a process, however many servers it has.
//!
//! Handlers are called in the reverse of the order in which they were registered.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyCFunction;

/// An exit handler, and whether it has been registered.
pub(crate) struct Handler(PyOnceLock<()>);

impl Handler {
    /// One that has not been registered.
    pub(crate) const fn new() -> Self {
        Self(PyOnceLock::new())
    }

    /// Registers what `function` gives. Does nothing from the second time on.
    ///
    /// # Errors
    /// There is no `atexit` module.
    pub(crate) fn register<'py>(
        &self,
        py: Python<'py>,
        function: impl FnOnce() -> PyResult<Bound<'py, PyCFunction>>,
    ) -> PyResult<()> {
        let register = || {
            py.import("atexit")?.call_method1("register", (function()?,))?;
            Ok(())
        };
        self.0.get_or_try_init(py, register).copied()
    }
}
