//! Entry points for `benches/environ.rs` only.

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::{Body, Client};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::WsgiApplication;
use crate::request::client_disconnected::ClientDisconnected;
use crate::request::environ::{Environs, RequestParts};
use crate::request::input::Input;

/// Builds environs as a worker thread does.
pub struct EnvironBuilder {
    environs: Environs,
    client_disconnected: Py<ClientDisconnected>,
}

impl EnvironBuilder {
    /// For the requests of one thread.
    ///
    /// # Errors
    /// MemoryError.
    pub fn new(py: Python<'_>, application: &WsgiApplication) -> PyResult<Self> {
        let client_disconnected = Py::new(py, ClientDisconnected::default())?;
        Ok(Self { environs: Environs::new(application.state()), client_disconnected })
    }

    /// One environ, with all that belongs to it.
    ///
    /// # Errors
    /// MemoryError.
    pub fn build<'py>(
        &mut self,
        py: Python<'py>,
        head: &RequestHead,
        client: &Client,
    ) -> PyResult<Bound<'py, PyDict>> {
        let input = Input::new(py, Body::Empty)?;
        let parts = RequestParts {
            client,
            body_length: 0,
            seconds_in_queue: 0.0001,
            request_id: None,
            input: &input.object,
        };
        self.environs.build(py, head, &parts, &self.client_disconnected)
    }
}
