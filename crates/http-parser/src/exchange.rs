//! The interface between a server, which reads requests, and an application, which answers them.
//!
//! Neither depends on the other; this module is all that they share. An [`Exchange`] owns its data,
//! because the application may keep it after the call (as Python objects do). A request becomes an
//! [`Exchange`] only when it is complete, so no application thread waits for a client to send.

use std::fmt;
use std::fs::File;
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::fault::ApplicationFault;
use crate::forwarded::Forwarded;
use crate::message::{RequestHead, ResponseHead};
pub use crate::peer::Peer;

/// One complete request, and the means to answer it.
pub struct Exchange {
    /// The request head, shared with the server, which logs it at the end.
    pub head: Arc<RequestHead>,
    /// The client.
    pub client: Client,
    /// The whole body.
    pub body: Body,
    /// Receives the response.
    pub reply: Box<dyn Reply>,
    /// When the request was complete and was queued.
    pub queued_at: Instant,
    /// How long it waited until a thread took it; zero until then.
    pub queued_for: Duration,
    /// The request ID, if `request-id` provides one.
    pub request_id: Option<Arc<str>>,
}

/// The client that sent a request, and the listener that received it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The other end of the socket.
    pub peer: Arc<Peer>,
    /// The result of evaluating the forwarding fields.
    pub forwarded: Forwarded,
    /// The index of the listener in the server's list.
    pub listener: usize,
}

/// The body of a request, complete and without its transfer coding.
#[derive(Debug)]
pub enum Body {
    /// No bytes.
    Empty,
    /// In memory; no longer than `inbuf-overflow`.
    Memory(Buffer),
    /// In an unnamed temporary file.
    File {
        /// The file, to be read from offset 0.
        file: File,
        /// Its length in bytes.
        length: u64,
    },
}

impl Body {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A body in memory, which is returned to its owner when it is dropped.
pub struct Buffer {
    bytes: Vec<u8>,
    home: Option<Arc<dyn Reclaim>>,
}

/// Takes memory back for reuse: touching fresh pages costs more than copying a body.
pub trait Reclaim: Send + Sync {
    /// Takes `memory`, whose contents are no longer needed.
    fn reclaim(&self, memory: Vec<u8>);
}

impl Buffer {
    /// A body whose memory is returned to `home`.
    pub fn lent(bytes: Vec<u8>, home: Arc<dyn Reclaim>) -> Self {
        Self { bytes, home: Some(home) }
    }
}

impl From<Vec<u8>> for Buffer {
    /// A body whose memory is freed.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.bytes.len())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.reclaim(std::mem::take(&mut self.bytes));
        }
    }
}

/// A chunk of a response body.
#[derive(Debug)]
pub enum Chunk<'a> {
    /// Borrowed: bytes that cannot be sent at once are copied.
    Borrowed(&'a [u8]),
    /// Owned: bytes that cannot be sent at once are kept without copying. For large chunks. The
    /// owner may be dropped on any thread.
    Owned(Bytes),
}

impl Chunk<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A response body that is a regular file, or the rest of one.
#[derive(Debug)]
pub struct FileBody {
    /// The server's own descriptor, duplicated from the application's.
    pub file: File,
    /// The offset in the file where the body begins.
    pub offset: u64,
    /// The length of the body in bytes.
    pub length: u64,
}

/// Whether the application should continue its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Continue.
    Continue,
    /// Too much output waits for the client: call [`Reply::wait`] before the next chunk.
    Wait,
    /// The response has no body, because the method is HEAD or the status is 204 or 304. No further
    /// chunks are needed, only `finish`.
    Enough,
    /// The connection is closed: nothing more can be sent, and the response should be abandoned.
    Gone,
}

/// Receives a response: head, then chunks or a file, then `finish`; or `fail` at any time.
///
/// Only [`Reply::wait`] blocks. If it is dropped without `finish` or `fail`, the request fails with
/// [`ApplicationFault::Dropped`].
pub trait Reply: Send {
    /// Sets the head. It is sent with the first chunk, or at the end. A second head replaces the
    /// first, unless it has been sent (see [`Reply::is_underway`]); then it is ignored.
    fn head(&mut self, head: ResponseHead);

    /// Whether the head has been sent, so that it can no longer be replaced.
    fn is_underway(&self) -> bool;

    /// Sends the next chunk of the body; an empty one does nothing.
    fn chunk(&mut self, chunk: Chunk<'_>) -> Flow;

    /// Blocks until the client has read enough, or has exceeded write-timeout. Never returns
    /// [`Flow::Wait`].
    fn wait(&mut self) -> Flow;

    /// Sends a file as the whole body; no chunk may have been sent. Only `finish` may follow.
    fn file(&mut self, file: FileBody) -> Flow;

    /// Ends the response. `last` is the last chunk, and may be empty. If the head has not been sent,
    /// `last` is the whole body: its length is declared, and head and body are sent in one write.
    fn finish(&mut self, last: Chunk<'_>);

    /// Abandons the response. If the head has not been sent, the client gets a 500; otherwise, the
    /// connection is reset, so that the response does not look complete.
    fn fail(&mut self, fault: ApplicationFault);

    /// Tells whether the client has disconnected. If it cannot be upgraded, the connection is over.
    fn presence(&self) -> Weak<dyn Presence>;
}

/// Whether the client is still connected.
pub trait Presence: Send + Sync {
    /// True as soon as the client has closed or reset its connection.
    fn is_gone(&self) -> bool;
}

/// Supplies worker threads with requests.
///
/// A worker calls [`Exchanges::try_next`] in a loop, and [`Exchanges::wait`] when that returns
/// nothing. `try_next` never blocks, so a worker may keep the GIL between two requests. `wait` is
/// called without the GIL. A worker takes an exchange only while it holds the GIL, so that no
/// exchange waits for the GIL while another worker could serve it.
pub trait Exchanges: Send + Sync {
    /// The next exchange, if one waits.
    fn try_next(&self) -> Option<Exchange>;

    /// Blocks until `try_next` should be called, or the worker should end.
    fn wait(&self) -> Wake;

    /// Whether this worker has served for so long without a pause that it should let other threads
    /// of the interpreter run before it continues.
    fn should_yield(&self) -> bool;

    /// The worker's thread has ended, by a panic or because it could not begin: nothing is to be
    /// left to it any more, and the server starts another in its place. Need not be told after
    /// [`Wake::Closed`].
    fn leave(&self) {}
}

/// Why [`Exchanges::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wake {
    /// An exchange may be waiting.
    Work,
    /// Do periodic work, such as dropping objects that other threads have left for this one, then
    /// wait again.
    Housekeeping,
    /// There are no more exchanges: end the thread.
    Closed,
}

/// Answers exchanges.
pub trait Application: Send + Sync {
    /// Starts a worker thread (a Python thread for WSGI, a std thread in tests), which takes
    /// `exchanges` until [`Wake::Closed`]. The server decides how many there are, and when a stuck
    /// one is replaced.
    ///
    /// # Errors
    /// The thread cannot be started.
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError>;
}

/// A running worker thread.
pub trait Worker: Send + Sync {
    /// Whether it has ended. Never blocks, and does not need the interpreter.
    fn is_finished(&self) -> bool;

    /// The stack of the application in this thread, innermost call last.
    ///
    /// # Errors
    /// It is not available within `patience` because another thread does not release the GIL, or the
    /// thread runs no application code.
    fn stack(&self, patience: Duration) -> Result<String, StackUnavailable>;
}

/// A worker thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start worker thread `{name}`: {reason}")]
pub struct StartError {
    /// The name of the thread.
    pub name: String,
    /// The reason.
    pub reason: String,
}

/// Why the stack of a thread is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackUnavailable {
    /// The interpreter did not answer in time.
    #[error("the interpreter is busy: its lock was not available in time")]
    Busy,
    /// The thread has ended, or runs no application code.
    #[error("the thread runs no application code")]
    NotRunning,
}
