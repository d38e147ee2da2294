//! The callables that an application receives: `start_response` with its `write`, and
//! `client_disconnected`.
//!
//! A worker reuses these objects from request to request, and creates new ones only if the
//! application kept one beyond its request. That saves a quarter of the bridge's cost for a small
//! response. The reference count shows whether an object was kept.

use std::sync::Arc;

use maitred_http_parser::exchange::Reply;
use pyo3::intern;
use pyo3::prelude::*;

use crate::interpreter::reference_count::{has_references, is_free_method};
use crate::request::client_disconnected::ClientDisconnected;
use crate::request::shared::ApplicationState;
use crate::response::PendingResponse;
use crate::response::logged_environ::LoggedEnviron;
use crate::response::start_response::StartResponse;

/// The objects of one request at a time.
pub(crate) struct ReusedObjects {
    pub(crate) response: Arc<PendingResponse>,
    /// The bound method that the application calls; a built-in method is the fastest callable.
    pub(crate) start_response: Py<PyAny>,
    pub(crate) client_disconnected: Py<ClientDisconnected>,
}

impl ReusedObjects {
    /// Fresh objects.
    pub(crate) fn new(py: Python<'_>, application: &ApplicationState) -> PyResult<Self> {
        let logged_environ = LoggedEnviron::new(Arc::clone(&application.logged_environ));
        let drop_queue = Arc::clone(&application.drop_queue);
        let response = Arc::new(PendingResponse::new(drop_queue, logged_environ));
        let object = Py::new(py, StartResponse::new(py, Arc::clone(&response))?)?;
        let start_response = object.getattr(py, intern!(py, "start_response"))?;
        let client_disconnected = Py::new(py, ClientDisconnected::default())?;
        Ok(Self { response, start_response, client_disconnected })
    }

    /// Begins a request.
    pub(crate) fn begin(&self, py: Python<'_>, reply: Box<dyn Reply>) {
        self.client_disconnected.get().watch(reply.presence());
        self.response.begin(py, reply);
    }

    /// Whether only this worker holds references to them. It holds `client_disconnected` another
    /// `in_templates` times.
    pub(crate) fn are_free(&self, py: Python<'_>, in_templates: isize) -> bool {
        has_references(py, &self.client_disconnected, 1 + in_templates)
            && is_free_method(py, &self.start_response, |object: &Bound<'_, StartResponse>| {
                object.get().is_write_free(py)
            })
    }
}
