//! A file that the server sends by its descriptor, and that is closed when its last byte has left.
//!
//! PEP 3333 ("Optional Platform-Specific File Handling", "Specification Details"): `close()` is
//! called upon completion of the request. An application may delete or truncate the file in it, and a
//! slow client is still reading long after the worker has given the file to the server. So the server
//! gets an owner along with the descriptor, which it drops when the last byte has been sent, or when
//! none will be; then a worker calls `close()`, once.

use std::any::Any;
use std::sync::Arc;

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::Exchanges;
use pyo3::prelude::*;

use super::drop_queue::{DropQueue, Remains};
use crate::interpreter::threads;

/// What has become of the iterable that the application returned.
#[must_use]
pub(crate) enum Sent {
    /// Nothing of it is needed any more: close it.
    Whole,
    /// The server sends it, and it is closed when it has left.
    AsFile,
}

/// What the server keeps along with a file, and drops on any thread.
pub(crate) type FileOwner = Box<dyn Any + Send + Sync>;

/// A file that has been sent, to be closed by a worker.
pub(crate) struct SentFile {
    pub(crate) wrapper: Py<PyAny>,
    /// The request, for the log.
    pub(crate) head: Arc<RequestHead>,
    pub(crate) request_id: Option<Arc<str>>,
}

/// Leaves the file to a worker when it is dropped.
struct Owner {
    file: Option<SentFile>,
    drop_queue: Arc<DropQueue>,
    exchanges: Arc<dyn Exchanges>,
}

impl SentFile {
    /// What the server keeps until it has sent the file.
    pub(crate) fn owned(
        self,
        drop_queue: &Arc<DropQueue>,
        exchanges: &Arc<dyn Exchanges>,
    ) -> FileOwner {
        let (drop_queue, exchanges) = (Arc::clone(drop_queue), Arc::clone(exchanges));
        Box::new(Owner { file: Some(self), drop_queue, exchanges })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        self.drop_queue.push(Remains::File(file));
        // A worker looks by itself after each request; if another thread has sent the file, all of
        // them may be asleep.
        if !threads::is_counted() {
            self.exchanges.housekeep();
        }
    }
}
