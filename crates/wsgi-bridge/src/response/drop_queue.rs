//! What is left of responses when their last byte has been sent, for any worker to see to.
//!
//! The thread that sends the last byte is often not attached to the interpreter, and may not touch a
//! reference count, let alone call `close()`. So what belongs to the application goes to the
//! [`DropQueue`], which the workers empty while they hold the interpreter's lock anyway. The
//! server's limits on output and connections bound it, because it receives only what was waiting to
//! be sent. Files are in it only if the worker whose they are cannot close them (`sent_file`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::Python;
use pyo3::pybacked::PyBackedBytes;

use super::sent_file::SentFile;

/// The remains of responses.
#[derive(Default)]
pub(crate) struct DropQueue {
    /// Whether the list is not empty, so that a worker need not lock it to check.
    has_items: AtomicBool,
    queued: Mutex<Vec<Remains>>,
}

/// What is left of a response.
pub(super) enum Remains {
    /// Memory, to be released.
    Bytes(PyBackedBytes),
    /// A file, to be closed.
    File(SentFile),
}

impl DropQueue {
    /// Leaves something to a worker.
    pub(super) fn push(&self, remains: Remains) {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner).push(remains);
        self.has_items.store(true, Ordering::Release);
    }

    /// Whether there is nothing to do, as nearly always.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_items.load(Ordering::Relaxed)
    }

    /// Releases memory, and returns the files to be closed. The token proves that the caller is
    /// attached.
    pub(crate) fn drain(&self, _py: Python<'_>) -> Vec<SentFile> {
        if !self.has_items.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        let queued =
            std::mem::take(&mut *self.queued.lock().unwrap_or_else(PoisonError::into_inner));
        // After unlocking: a destructor may run Python code.
        let files = queued.into_iter().filter_map(|remains| match remains {
            Remains::Bytes(bytes) => {
                drop(bytes);
                None
            }
            Remains::File(file) => Some(file),
        });
        files.collect()
    }
}
