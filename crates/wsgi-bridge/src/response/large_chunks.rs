//! Large response chunks that are sent from the `bytes` object's own memory.
//!
//! Data that a slow client has not received yet is held, not copied: the server keeps a [`Bytes`]
//! that owns the Python object. The thread that sends the last byte drops it, and that thread may
//! not touch a reference count. So the object goes to the [`DropQueue`], which the workers empty while
//! they hold the interpreter's lock anyway. The server's high-water marks bound the queue,
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
pub(crate) struct DropQueue {
    /// Whether the list is not empty, so that a worker need not lock it to check.
    has_items: AtomicBool,
    queued: Mutex<Vec<PyBackedBytes>>,
}

impl DropQueue {
    fn push(&self, bytes: PyBackedBytes) {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        self.has_items.store(true, Ordering::Release);
    }

    /// Drops the objects. The token proves that the caller is attached.
    pub(crate) fn drain(&self, _py: Python<'_>) {
        if self.has_items.load(Ordering::Relaxed) && self.has_items.swap(false, Ordering::Acquire) {
            let queued =
                std::mem::take(&mut *self.queued.lock().unwrap_or_else(PoisonError::into_inner));
            drop(queued); // after unlocking: a destructor may run Python code
        }
    }
}

/// The owner of the memory of a kept chunk.
struct Held {
    bytes: Option<PyBackedBytes>,
    drop_queue: Arc<DropQueue>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes.take() {
            self.drop_queue.push(bytes);
        }
    }
}

/// The memory of `bytes`, kept alive while it is used, and droppable on any thread.
pub(crate) fn hold(bytes: &Bound<'_, PyBytes>, drop_queue: &Arc<DropQueue>) -> Bytes {
    let bytes = Some(PyBackedBytes::from(bytes.clone()));
    Bytes::from_owner(Held { bytes, drop_queue: Arc::clone(drop_queue) })
}
