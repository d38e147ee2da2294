//! `maitred.client_disconnected`, also under Waitress's name: a callable that is true as soon as
//! the client has gone. It may be kept and asked from any thread, also after the response.

use std::sync::{Arc, Mutex, PoisonError};

use maitred_http_parser::exchange::Presence;
use pyo3::prelude::*;

/// Whether the client of one request has gone.
#[pyclass(frozen, module = "maitred", name = "client_disconnected")]
#[derive(Default)]
pub(crate) struct ClientDisconnected {
    presence: Mutex<Option<Arc<dyn Presence>>>,
}

impl ClientDisconnected {
    /// Tells about this client from now on.
    pub(crate) fn watch(&self, presence: Arc<dyn Presence>) {
        self.set(Some(presence));
    }

    /// Lets go of the client.
    pub(crate) fn forget(&self) {
        self.set(None);
    }

    fn set(&self, presence: Option<Arc<dyn Presence>>) {
        let before = {
            let mut guard = self.presence.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *guard, presence)
        };
        drop(before); // not under the mutex: it may be the last hold on a connection
    }
}

#[pymethods]
impl ClientDisconnected {
    fn __call__(&self) -> bool {
        // Never held for longer than a pointer is copied, so there is no need to let go of the
        // interpreter's lock first.
        let presence = self.presence.lock().unwrap_or_else(PoisonError::into_inner).clone();
        presence.is_none_or(|presence| presence.is_gone())
    }
}
