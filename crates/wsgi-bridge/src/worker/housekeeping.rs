//! What a worker does now and then on an interpreter without a GIL.
//!
//! There, an object belongs to the thread that created it. If another thread drops the last reference
//! that it was given, such as the log that of an exception, the object waits for its owner, which
//! releases it when it next runs Python code. A worker that waits for requests runs none.

use std::sync::Arc;

use maitred_http_parser::exchange::Exchanges;
use pyo3::prelude::*;

use crate::interpreter::attach;
use crate::interpreter::gil::GilWatch;
use crate::request::shared::ApplicationState;

/// The periodic work of one worker; nothing with a GIL.
pub(super) struct Housekeeping<'a> {
    application: &'a ApplicationState,
    exchanges: &'a Arc<dyn Exchanges>,
    without_gil: Option<WithoutGil>,
}

struct WithoutGil {
    watch: GilWatch,
    /// A Python function that does nothing.
    nothing: Py<PyAny>,
}

impl<'a> Housekeeping<'a> {
    pub(super) fn new(
        py: Python<'_>,
        application: &'a ApplicationState,
        exchanges: &'a Arc<dyn Exchanges>,
    ) -> Self {
        let without_gil = if cfg!(Py_GIL_DISABLED) { WithoutGil::new(py).ok() } else { None };
        Self { application, exchanges, without_gil }
    }

    /// Releases what this thread has created and another one has dropped.
    pub(super) fn release_objects(&self, py: Python<'_>) {
        if let Some(WithoutGil { nothing, .. }) = &self.without_gil {
            // The call is where the interpreter looks; it cannot fail but for want of memory.
            let _ = attach::call_python(|| nothing.bind(py).call0());
        }
    }

    /// Reports that the GIL has been enabled. To be called when the worker pauses.
    #[inline]
    pub(super) fn look_at_gil(&mut self, py: Python<'_>) {
        let Some(WithoutGil { watch, .. }) = &mut self.without_gil else { return };
        if watch.has_been_enabled(py) {
            self.exchanges.gil_enabled();
            attach::call_python(|| self.application.log.gil_enabled());
        }
    }
}

impl WithoutGil {
    fn new(py: Python<'_>) -> PyResult<Self> {
        let nothing = py.eval(c"lambda: None", None, None)?.unbind();
        Ok(Self { watch: GilWatch::new(py)?, nothing })
    }
}
