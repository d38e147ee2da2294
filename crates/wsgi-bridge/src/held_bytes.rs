//! Large response chunks that are sent from the `bytes` object's own memory.
//!
//! Data that a slow client has not received yet is held, not copied: the server keeps a [`Bytes`]
//! that owns the Python object. The thread that sends the last byte drops it, and that thread may
//! not touch a reference count. So the object goes to the graveyard, which the workers empty while
//! they hold the interpreter's lock anyway. The server's high-water marks bound the graveyard,
//! because it receives only data that was waiting to be sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

/// From this size on, a chunk is kept by reference instead of being copied, and is sent without the
/// GIL: copying 64 KiB takes as long as sending it, and releasing the GIL a hundredth of that.
pub(crate) const HELD_FROM: usize = 64 * 1024;

/// Objects that must be dropped by a thread that is attached to the interpreter.
#[derive(Default)]
pub(crate) struct Graveyard {
    /// Whether the list is not empty, so that a worker need not lock it to check.
    occupied: AtomicBool,
    dead: Mutex<Vec<PyBackedBytes>>,
}

impl Graveyard {
    fn bury(&self, bytes: PyBackedBytes) {
        self.dead.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        self.occupied.store(true, Ordering::Release);
    }

    /// Drops the objects. The token proves that the caller is attached.
    pub(crate) fn empty(&self, _py: Python<'_>) {
        if self.occupied.load(Ordering::Relaxed) && self.occupied.swap(false, Ordering::Acquire) {
            let dead =
                std::mem::take(&mut *self.dead.lock().unwrap_or_else(PoisonError::into_inner));
            drop(dead); // after unlocking: a destructor may run Python code
        }
    }
}

/// The owner of the memory of a kept chunk.
struct Held {
    bytes: Option<PyBackedBytes>,
    graveyard: Arc<Graveyard>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.graveyard.bury(bytes);
        }
    }
}

/// The memory of `bytes`, kept alive while it is used, and droppable on any thread.
pub(crate) fn hold(bytes: &Bound<'_, PyBytes>, graveyard: &Arc<Graveyard>) -> Bytes {
    let bytes = Some(PyBackedBytes::from(bytes.clone()));
    Bytes::from_owner(Held { bytes, graveyard: Arc::clone(graveyard) })
}
