//! `maitred.client_disconnected`, also under Waitress's name: a callable that is true as soon as
//! the client has gone. It may be kept and asked from any thread, also after the response.

use std::sync::Arc;

use maitred_http_parser::exchange::Presence;
use pyo3::prelude::*;

/// Whether the client of one request has gone.
#[pyclass(frozen, module = "maitred", name = "client_disconnected")]
pub(crate) struct ClientDisconnected {
    presence: Arc<dyn Presence>,
}

impl ClientDisconnected {
    pub(crate) fn new(presence: Arc<dyn Presence>) -> Self {
        Self { presence }
    }
}

#[pymethods]
impl ClientDisconnected {
    fn __call__(&self) -> bool {
        self.presence.is_gone()
    }
}
