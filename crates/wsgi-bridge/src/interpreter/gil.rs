//! Notices that the GIL of a free-threaded interpreter has been enabled: by the import of an extension
//! module that does not declare that it can run without, for the rest of the process.

use pyo3::prelude::*;

/// Asks the interpreter whether its GIL is enabled.
pub(crate) struct GilWatch {
    /// `sys._is_gil_enabled`; `None` where the answer is known to be yes.
    ask: Option<Py<PyAny>>,
}

impl GilWatch {
    /// # Errors
    /// There is no `sys` module.
    pub(crate) fn new(py: Python<'_>) -> PyResult<Self> {
        let ask = py.import("sys")?.getattr_opt("_is_gil_enabled")?; // since CPython 3.13
        let mut watch = Self { ask: ask.map(Bound::unbind) };
        let _: bool = watch.has_been_enabled(py);
        Ok(watch)
    }

    /// Whether the GIL has been enabled; true once.
    #[inline]
    pub(crate) fn has_been_enabled(&mut self, py: Python<'_>) -> bool {
        let is_enabled = |ask: &mut Py<PyAny>| {
            let answer = ask.bind(py).call0().and_then(|answer| answer.is_truthy());
            answer.unwrap_or(true)
        };
        self.ask.take_if(is_enabled).is_some()
    }
}
