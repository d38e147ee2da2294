//! What a WSGI application returns: the body, and the head that it passes to `start_response`.
//!
//! [`PendingResponse`] is one outgoing response: the head, which waits for the first chunk, and the
//! server's reply, behind a mutex because the application may call `write()` from another thread.
//!
//! The mutex is never held while Python runs, and a thread that waits for the client holds it
//! without the interpreter's lock, so the two locks cannot deadlock.

mod chunk;
pub(crate) mod drop_queue;
pub(crate) mod file_wrapper;
pub(crate) mod iterable;
mod large_chunks;
pub(crate) mod logged_environ;
pub(crate) mod sent_file;
pub(crate) mod start_response;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use maitred_http_parser::exchange::{Chunk, FileBody, Flow, Reply};
use maitred_http_parser::{ApplicationFault, ResponseHead};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyBytes;

use self::drop_queue::DropQueue;
use self::logged_environ::LoggedEnviron;
use crate::interpreter::attach;
use crate::interpreter::fork::{self, Process};

/// The response to one request.
pub(crate) struct PendingResponse {
    state: Mutex<ResponseState>,
    drop_queue: Arc<DropQueue>,
    /// What the access log shows of the request's environ.
    pub(crate) logged_environ: LoggedEnviron,
    process: Process,
}

/// The state of a response.
#[derive(Default)]
struct ResponseState {
    /// `None` once the response has ended.
    reply: Option<Box<dyn Reply>>,
    /// The head that the application set last. It can still be replaced.
    waiting_head: Option<ResponseHead>,
    /// Whether `start_response` has been called.
    is_started: bool,
    /// Whether a chunk has been passed to the reply.
    has_body: bool,
    client_gone: bool,
}

/// Whether a call of `start_response` is the first one or replaces another (PEP 3333).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartCall {
    First,
    /// With `exc_info`.
    Replacement,
}

/// Why a head was not accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadRefused {
    /// There already is one, and this is not a replacement.
    AlreadyStarted,
    /// It has been sent.
    AlreadySent,
    /// The response has ended.
    Ended,
    /// The process is a forked child.
    NotOurs,
}

impl PendingResponse {
    pub(crate) fn new(drop_queue: Arc<DropQueue>, logged_environ: LoggedEnviron) -> Self {
        let process = Process::current();
        Self { state: Mutex::default(), drop_queue, logged_environ, process }
    }

    /// Begins a response, after the previous one has ended.
    pub(crate) fn begin(&self, py: Python<'_>, reply: Box<dyn Reply>) {
        *self.lock(py) = ResponseState { reply: Some(reply), ..ResponseState::default() };
    }

    /// Exits this process if it is a forked child in which the application has returned to the server.
    /// The parent answers the request.
    pub(crate) fn end_child(&self, py: Python<'_>) {
        if self.is_in_forked_child() {
            fork::end_child(py);
        }
    }

    #[inline]
    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, ResponseState> {
        // Nearly always free, because only the application's own threads compete for it.
        match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => self.wait_for_lock(py),
        }
    }

    #[cold]
    fn wait_for_lock(&self, py: Python<'_>) -> MutexGuard<'_, ResponseState> {
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process is a forked child, which must not send anything.
    pub(crate) fn is_in_forked_child(&self) -> bool {
        self.process.is_parent()
    }

    /// Sets the head; it is sent with the first chunk.
    pub(crate) fn start(
        &self,
        py: Python<'_>,
        head: ResponseHead,
        call: StartCall,
    ) -> Result<(), HeadRefused> {
        if self.is_in_forked_child() {
            return Err(HeadRefused::NotOurs);
        }
        let mut state = self.lock(py);
        match (&state.reply, state.is_started, call) {
            (None, ..) => return Err(HeadRefused::Ended),
            (_, false, _) => {}
            (_, true, StartCall::First) => return Err(HeadRefused::AlreadyStarted),
            (_, true, StartCall::Replacement) if state.waiting_head.is_none() => {
                return Err(HeadRefused::AlreadySent);
            }
            (_, true, StartCall::Replacement) => {}
        }
        state.is_started = true;
        state.waiting_head = Some(head);
        Ok(())
    }

    /// Sends a chunk, and waits if too much output is waiting. Never returns [`Flow::Wait`].
    pub(crate) fn send(
        &self,
        py: Python<'_>,
        bytes: &Bound<'_, PyBytes>,
    ) -> Result<Flow, ApplicationFault> {
        self.end_child(py);
        let memory = bytes.as_bytes();
        if memory.is_empty() {
            return Ok(Flow::Continue);
        }
        let flow = if large_chunks::is_held(bytes) {
            let held = large_chunks::hold(bytes, &self.drop_queue);
            attach::detached(py, || self.lock_detached().chunk(Chunk::Owned(held)))?
        } else {
            self.lock(py).chunk(Chunk::Borrowed(memory))?
        };
        Ok(self.settle(py, flow))
    }

    /// Sends a file as the whole body, and ends the response, which has been started. Whatever comes
    /// of it, the owner of the file is dropped.
    pub(crate) fn send_file(&self, py: Python<'_>, file: FileBody) {
        self.end_child(py);
        self.log_environ(py);
        attach::detached(py, || {
            let mut state = self.lock_detached();
            state.pass_head();
            let Some(mut reply) = state.reply.take() else { return };
            state.client_gone |= reply.file(file) == Flow::Gone;
            // Nothing of it is in memory.
            let _ = reply.finish(Chunk::Borrowed(&[]));
        });
    }

    /// Ends the response with its last chunk, which may be the only one.
    pub(crate) fn finish(
        &self,
        py: Python<'_>,
        last: Option<&Bound<'_, PyBytes>>,
    ) -> Result<(), ApplicationFault> {
        self.end_child(py);
        self.log_environ(py);
        let memory = last.map_or(&[][..], |bytes| bytes.as_bytes());
        match last {
            Some(bytes) if large_chunks::is_held(bytes) => {
                let held = large_chunks::hold(bytes, &self.drop_queue);
                attach::detached(py, || {
                    let waiting = self.lock_detached().finish(Chunk::Owned(held))?;
                    if let Some(reply) = waiting {
                        relieve(reply);
                    }
                    Ok(())
                })
            }
            _ => {
                let waiting = self.lock(py).finish(Chunk::Borrowed(memory))?;
                if let Some(reply) = waiting {
                    attach::detached(py, || relieve(reply));
                }
                Ok(())
            }
        }
    }

    /// Abandons the response.
    pub(crate) fn fail(&self, py: Python<'_>, fault: ApplicationFault) {
        self.end_child(py);
        self.log_environ(py);
        let reply = self.lock(py).reply.take();
        if let Some(mut reply) = reply {
            reply.fail(fault);
        }
    }

    /// Tells the access log what it shows of the environ, which the application has changed by now.
    fn log_environ(&self, py: Python<'_>) {
        // Python code runs, so nothing is locked.
        if let Some(values) = self.logged_environ.values(py)
            && let Some(reply) = &mut self.lock(py).reply
        {
            reply.log_environ(values);
        }
    }

    /// Sends the head without a body, if the application declared a length of zero; returns whether
    /// it did. The response must still be ended.
    pub(crate) fn send_empty_head(&self, py: Python<'_>) -> bool {
        let mut state = self.lock(py);
        if !matches!(&state.waiting_head, Some(head) if head.content_length() == Some(0)) {
            return false;
        }
        // One byte more than declared is discarded, but makes the head be sent.
        state.chunk(Chunk::Borrowed(b"\n")).is_ok()
    }

    /// Changes the pending head, and returns the declared length. Does nothing after the head has been
    /// passed on.
    pub(crate) fn with_waiting_head<R>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut ResponseHead) -> R,
    ) -> Option<R> {
        self.lock(py).waiting_head.as_mut().map(change)
    }

    /// Whether body bytes have been passed to the reply.
    pub(crate) fn has_body(&self, py: Python<'_>) -> bool {
        self.lock(py).has_body
    }

    /// Whether sending has shown that the client has disconnected.
    pub(crate) fn is_client_gone(&self, py: Python<'_>) -> bool {
        self.lock(py).client_gone
    }

    /// Whether the application has called `start_response`.
    pub(crate) fn is_started(&self, py: Python<'_>) -> bool {
        self.lock(py).is_started
    }

    fn settle(&self, py: Python<'_>, flow: Flow) -> Flow {
        let flow = match flow {
            Flow::Wait => attach::detached(py, || {
                self.lock_detached().reply.as_mut().map_or(Flow::Gone, |reply| reply.wait())
            }),
            other => other,
        };
        if flow == Flow::Gone {
            self.lock(py).client_gone = true;
        }
        flow
    }

    /// For threads that do not hold the GIL.
    fn lock_detached(&self) -> MutexGuard<'_, ResponseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResponseState {
    fn chunk(&mut self, chunk: Chunk<'_>) -> Result<Flow, ApplicationFault> {
        self.give_head()?;
        self.has_body = true;
        Ok(self.reply.as_mut().map_or(Flow::Gone, |reply| reply.chunk(chunk)))
    }

    /// Ends the response. Returns the reply if too much of it is in memory.
    fn finish(&mut self, last: Chunk<'_>) -> Result<Option<Box<dyn Reply>>, ApplicationFault> {
        self.give_head()?;
        let Some(mut reply) = self.reply.take() else { return Ok(None) };
        let flow = reply.finish(last);
        Ok((flow == Flow::Wait).then_some(reply))
    }

    fn give_head(&mut self) -> Result<(), ApplicationFault> {
        if !self.is_started {
            return Err(ApplicationFault::NotStarted);
        }
        self.pass_head();
        Ok(())
    }

    fn pass_head(&mut self) {
        if let (Some(head), Some(reply)) = (self.waiting_head.take(), &mut self.reply) {
            reply.head(head);
        }
    }
}

/// Moves what waits for the client out of memory. It may block, so the caller is detached.
fn relieve(mut reply: Box<dyn Reply>) {
    // The response has ended, whatever comes of it.
    let _ = reply.wait();
}

/// Why a body could not be sent completely.
pub(crate) enum Failure {
    /// The application raised an exception during iteration.
    Raised(PyErr),
    /// The application returned an invalid body.
    Fault(ApplicationFault),
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<ApplicationFault> for Failure {
    fn from(fault: ApplicationFault) -> Self {
        Self::Fault(fault)
    }
}
