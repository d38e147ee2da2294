//! Large response chunks that are sent from the `bytes` object's own memory.
//!
//! Data that a slow client has not received yet is held, not copied: the server keeps a [`Bytes`]
//! that owns the Python object, and drops it with the last byte. Whichever worker releases it then
//! runs no code of the application, because only objects of the class `bytes` itself are held: one of
//! a derived class may have `__del__`, or an attribute that has.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use super::drop_queue::{DropQueue, Remains};

/// From this size on, a chunk is kept by reference instead of being copied, and is sent without the
/// GIL: copying 64 KiB takes as long as sending it, and releasing the GIL a hundredth of that.
const HELD_FROM: usize = 64 * 1024;

/// Whether a chunk is kept by reference.
#[inline]
pub(crate) fn is_held(bytes: &Bound<'_, PyBytes>) -> bool {
    bytes.as_bytes().len() >= HELD_FROM && bytes.is_exact_instance_of::<PyBytes>()
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
            self.drop_queue.push(Remains::Bytes(bytes));
        }
    }
}

/// The memory of `bytes`, kept alive while it is used, and droppable on any thread.
pub(crate) fn hold(bytes: &Bound<'_, PyBytes>, drop_queue: &Arc<DropQueue>) -> Bytes {
    let bytes = Some(PyBackedBytes::from(bytes.clone()));
    Bytes::from_owner(Held { bytes, drop_queue: Arc::clone(drop_queue) })
}
