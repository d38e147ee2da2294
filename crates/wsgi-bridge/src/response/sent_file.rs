//! A file that the server sends by its descriptor, and that is closed when its last byte has left.
//!
//! PEP 3333 ("Optional Platform-Specific File Handling", "Specification Details"): `close()` is
//! called upon completion of the request. An application may delete or truncate the file in it, and a
//! slow client is still reading long after the worker has given the file to the server. So the server
//! gets an owner along with the descriptor, which it drops when the last byte has been sent, or when
//! none will be; then `close()` is called, once.
//!
//! It is called by the thread that has run the application. What a framework does then is often
//! about its thread: in Django, `close()` of a response sends `request_finished`, upon which each
//! thread closes its own database connections. So each worker has a list, [`SentFiles`], and is woken
//! for it. A worker that serves another request closes its files after that one. Only if the thread
//! has ended, or its request has timed out, any other worker closes them.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::{Exchanges, Housekeeper};
use pyo3::prelude::*;

use super::drop_queue::{DropQueue, Remains};

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

/// The files of one worker that have been sent, and that it has to close. As many as it has given to
/// the server, whose limit on connections bounds them.
pub(crate) struct SentFiles {
    /// Whether the list is not empty, so that the worker need not lock it to check.
    has_items: AtomicBool,
    state: Mutex<State>,
    /// Where those go that another worker has to close.
    drop_queue: Arc<DropQueue>,
    exchanges: Arc<dyn Exchanges>,
}

#[derive(Default)]
struct State {
    sent: Vec<SentFile>,
    /// The thread that closes them; `None` while it cannot be waited for.
    closed_by: Option<ThreadId>,
}

/// Leaves the file to a worker when it is dropped.
struct Owner {
    file: Option<SentFile>,
    files: Arc<SentFiles>,
}

impl SentFiles {
    pub(crate) fn new(drop_queue: Arc<DropQueue>, exchanges: Arc<dyn Exchanges>) -> Self {
        Self { has_items: AtomicBool::new(false), state: Mutex::default(), drop_queue, exchanges }
    }

    /// What the server keeps until it has sent the file of the calling thread, the worker's.
    pub(crate) fn own(self: &Arc<Self>, file: SentFile) -> FileOwner {
        self.state().closed_by = Some(thread::current().id());
        Box::new(Owner { file: Some(file), files: Arc::clone(self) })
    }

    /// Whether there is nothing to do, as nearly always.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_items.load(Ordering::Relaxed)
    }

    /// Takes all files, for the worker to close them.
    pub(crate) fn take(&self) -> Vec<SentFile> {
        let mut state = self.state();
        self.has_items.store(false, Ordering::Relaxed);
        std::mem::take(&mut state.sent)
    }

    /// The worker's thread has ended, or may never come back: any other one closes the files that have
    /// been sent, and those that will be, until the worker gives another one to the server.
    pub(crate) fn leave_to_others(&self) {
        let mut state = self.state();
        state.closed_by = None;
        self.has_items.store(false, Ordering::Relaxed);
        let sent = std::mem::take(&mut state.sent);
        drop(state);
        if !sent.is_empty() {
            sent.into_iter().for_each(|file| self.drop_queue.push(Remains::File(file)));
            self.exchanges.housekeep(Housekeeper::AnyWorker);
        }
    }

    fn push(&self, file: SentFile) {
        let mut state = self.state();
        let Some(thread) = state.closed_by else {
            drop(state);
            self.drop_queue.push(Remains::File(file));
            return self.exchanges.housekeep(Housekeeper::AnyWorker);
        };
        state.sent.push(file);
        self.has_items.store(true, Ordering::Relaxed);
        drop(state);
        // The worker itself looks after each request; if another thread has sent the file, it may be
        // asleep.
        if thread != thread::current().id() {
            self.exchanges.housekeep(Housekeeper::ThisWorker);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            self.files.push(file);
        }
    }
}
