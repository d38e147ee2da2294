//! One outgoing response: the head, which waits for the first chunk, and the server's reply, behind
//! a mutex because the application may call `write()` from another thread.
//!
//! The mutex is never held while Python runs, and a thread that waits for the client holds it
//! without the interpreter's lock, so the two locks cannot deadlock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maitred_http_parser::exchange::{Chunk, FileBody, Flow, Reply};
use maitred_http_parser::{ApplicationFault, ResponseHead};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyBytes;

use crate::attach;
use crate::fork::{self, Process};
use crate::held_bytes::{self, Graveyard, HELD_FROM};

/// The response to one request.
pub(crate) struct Answer {
    state: Mutex<State>,
    graveyard: Arc<Graveyard>,
    process: Process,
}

/// What has been done of a response.
#[derive(Default)]
struct State {
    /// `None` once the response has ended.
    reply: Option<Box<dyn Reply>>,
    /// The head that the application gave last. It is replaceable for as long as it is here.
    waiting_head: Option<ResponseHead>,
    /// `start_response` has been called.
    is_started: bool,
    /// A chunk has been given to the reply.
    has_body: bool,
    client_gone: bool,
}

/// Whether a call of `start_response` is the first one or replaces another (PEP 3333).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    First,
    /// With `exc_info`.
    Replacement,
}

/// Why a head was not taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// There is one already, and this is not its replacement.
    AlreadyStarted,
    /// It has been sent.
    AlreadySent,
    /// The response has ended.
    Ended,
    /// We are in a forked child.
    NotOurs,
}

impl Answer {
    pub(crate) fn new(graveyard: Arc<Graveyard>) -> Self {
        Self { state: Mutex::default(), graveyard, process: Process::current() }
    }

    /// Begins a response, when the last one has ended.
    pub(crate) fn begin(&self, py: Python<'_>, reply: Box<dyn Reply>) {
        *self.lock(py) = State { reply: Some(reply), ..State::default() };
    }

    /// Ends this process if it is a forked child in which the application has come back to us: the
    /// parent is going to answer.
    pub(crate) fn end_child(&self, py: Python<'_>) {
        if self.is_in_forked_child() {
            fork::end_child(py);
        }
    }

    fn lock(&self, py: Python<'_>) -> MutexGuard<'_, State> {
        self.state.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether we are in a forked child, where nothing may be sent.
    pub(crate) fn is_in_forked_child(&self) -> bool {
        self.process.is_parent()
    }

    /// Takes the head; it leaves with the first chunk.
    pub(crate) fn start(
        &self,
        py: Python<'_>,
        head: ResponseHead,
        call: Call,
    ) -> Result<(), NotTaken> {
        if self.is_in_forked_child() {
            return Err(NotTaken::NotOurs);
        }
        let mut state = self.lock(py);
        match (&state.reply, state.is_started, call) {
            (None, ..) => return Err(NotTaken::Ended),
            (_, false, _) => {}
            (_, true, Call::First) => return Err(NotTaken::AlreadyStarted),
            (_, true, Call::Replacement) if state.waiting_head.is_none() => {
                return Err(NotTaken::AlreadySent);
            }
            (_, true, Call::Replacement) => {}
        }
        state.is_started = true;
        state.waiting_head = Some(head);
        Ok(())
    }

    /// Sends a chunk, and waits where too much is waiting already. Never answers [`Flow::Wait`].
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
        let flow = if memory.len() < HELD_FROM {
            self.lock(py).chunk(Chunk::Borrowed(memory))?
        } else {
            let held = held_bytes::hold(bytes, &self.graveyard);
            attach::detached(py, || self.lock_detached().chunk(Chunk::Owned(held)))?
        };
        Ok(self.settle(py, flow))
    }

    /// Sends a file as the whole body, and ends the response.
    pub(crate) fn send_file(&self, py: Python<'_>, file: FileBody) -> Result<(), ApplicationFault> {
        self.end_child(py);
        attach::detached(py, || {
            let mut state = self.lock_detached();
            state.give_head()?;
            let Some(mut reply) = state.reply.take() else { return Ok(()) };
            state.client_gone |= reply.file(file) == Flow::Gone;
            reply.finish(Chunk::Borrowed(&[]));
            Ok(())
        })
    }

    /// Ends the response with its last piece, which may be its only one.
    pub(crate) fn finish(
        &self,
        py: Python<'_>,
        last: Option<&Bound<'_, PyBytes>>,
    ) -> Result<(), ApplicationFault> {
        self.end_child(py);
        let memory = last.map_or(&[][..], |bytes| bytes.as_bytes());
        match last {
            Some(bytes) if memory.len() >= HELD_FROM => {
                let held = held_bytes::hold(bytes, &self.graveyard);
                attach::detached(py, || self.lock_detached().finish(Chunk::Owned(held)))
            }
            _ => self.lock(py).finish(Chunk::Borrowed(memory)),
        }
    }

    /// Gives the response up.
    pub(crate) fn fail(&self, py: Python<'_>, fault: ApplicationFault) {
        self.end_child(py);
        let reply = self.lock(py).reply.take();
        if let Some(mut reply) = reply {
            reply.fail(fault);
        }
    }

    /// Makes the head leave without a body, where the application declared that there is none;
    /// answers whether it did. The response still has to be ended.
    pub(crate) fn send_empty_head(&self, py: Python<'_>) -> bool {
        let mut state = self.lock(py);
        if !matches!(&state.waiting_head, Some(head) if head.content_length() == Some(0)) {
            return false;
        }
        // One byte more than was declared: it is cut off, and the head before it leaves.
        state.chunk(Chunk::Borrowed(b"\n")).is_ok()
    }

    /// Changes the head that waits, and tells how much has been declared. Does nothing once it has
    /// been given.
    pub(crate) fn with_waiting_head<R>(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut ResponseHead) -> R,
    ) -> Option<R> {
        self.lock(py).waiting_head.as_mut().map(change)
    }

    /// Whether a body has begun to leave.
    pub(crate) fn has_body(&self, py: Python<'_>) -> bool {
        self.lock(py).has_body
    }

    /// Whether sending has shown that the client has gone.
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

    /// For threads that do not hold the interpreter's lock.
    fn lock_detached(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn chunk(&mut self, chunk: Chunk<'_>) -> Result<Flow, ApplicationFault> {
        self.give_head()?;
        self.has_body = true;
        Ok(self.reply.as_mut().map_or(Flow::Gone, |reply| reply.chunk(chunk)))
    }

    fn finish(&mut self, last: Chunk<'_>) -> Result<(), ApplicationFault> {
        self.give_head()?;
        if let Some(mut reply) = self.reply.take() {
            reply.finish(last);
        }
        Ok(())
    }

    fn give_head(&mut self) -> Result<(), ApplicationFault> {
        if !self.is_started {
            return Err(ApplicationFault::NotStarted);
        }
        if let (Some(head), Some(reply)) = (self.waiting_head.take(), &mut self.reply) {
            reply.head(head);
        }
        Ok(())
    }
}
