//! `maitred.client_disconnected`, also under Waitress's name: a callable that returns true as soon
//! as the client has disconnected. It may be kept and called from any thread, even after the
//! response.
//!
//! It does not keep the connection alive: an environ often lives until the next garbage collection,
//! and closing a connection must not wait for that.

use std::sync::{Mutex, PoisonError, Weak};

use maitred_http_parser::exchange::Presence;
use pyo3::prelude::*;

/// Whether the client of a request has disconnected.
#[pyclass(frozen, module = "maitred", name = "client_disconnected")]
#[derive(Default)]
pub(crate) struct ClientDisconnected {
    presence: Mutex<Option<Weak<dyn Presence>>>,
}

impl ClientDisconnected {
    /// Sets the client.
    pub(crate) fn watch(&self, presence: Weak<dyn Presence>) {
        *self.presence.lock().unwrap_or_else(PoisonError::into_inner) = Some(presence);
    }
}

#[pymethods]
impl ClientDisconnected {
    fn __call__(&self) -> bool {
        // Held only while a pointer is copied, so the GIL need not be released first.
        let presence = self.presence.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let presence = presence.and_then(|presence| presence.upgrade());
        presence.is_none_or(|presence| presence.is_gone())
    }
}
