//! One request and its response, seen by whoever answers it.
//!
//! A server reads requests and an application answers them; neither needs to know the other. What
//! they share is here, and only here. Everything is owned, because an application may keep what it
//! was given (a Python object outlives the call), and a request is complete before it becomes an
//! [`Exchange`], so that no application thread ever waits for a client to send.

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

/// One request, complete, and the way to answer it.
pub struct Exchange {
    /// The request head; shared with the server, which logs it at the end.
    pub head: Arc<RequestHead>,
    /// Who asked.
    pub client: Client,
    /// The whole body.
    pub body: Body,
    /// Where the answer goes.
    pub reply: Box<dyn Reply>,
    /// When the request was complete, and began to wait for a thread.
    pub queued_at: Instant,
    /// How long it waited until a thread took it; until then, nothing.
    pub queued_for: Duration,
    /// What it is called in logs, where `request-id` asks for that.
    pub request_id: Option<Arc<str>>,
}

/// Who sent a request, and over which of the server's addresses.
#[derive(Clone, Debug)]
pub struct Client {
    /// The other end of the socket.
    pub peer: Arc<Peer>,
    /// What proxies said, and whether they are believed.
    pub forwarded: Forwarded,
    /// The index of the listener in the server's list, for what the application keeps for each.
    pub listener: usize,
}

/// The body of a request, complete and without its transfer coding.
#[derive(Debug)]
pub enum Body {
    /// No bytes.
    Empty,
    /// In memory: no longer than `inbuf-overflow`.
    Memory(Buffer),
    /// In a temporary file that has no name, at its start.
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

/// A body in memory, which goes back to where it came from once nobody needs it.
pub struct Buffer {
    bytes: Vec<u8>,
    home: Option<Arc<dyn Reclaim>>,
}

/// Takes memory back, to use it for another body: fresh pages cost more than what is copied there.
pub trait Reclaim: Send + Sync {
    /// Takes `memory`, whose contents mean nothing any more.
    fn reclaim(&self, memory: Vec<u8>);
}

impl Buffer {
    /// A body whose memory `home` wants back.
    pub fn lent(bytes: Vec<u8>, home: Arc<dyn Reclaim>) -> Self {
        Self { bytes, home: Some(home) }
    }
}

impl From<Vec<u8>> for Buffer {
    /// A body whose memory nobody wants back.
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

/// A piece of a response body.
#[derive(Debug)]
pub enum Chunk<'a> {
    /// Lent: what is not sent at once is copied.
    Borrowed(&'a [u8]),
    /// Owned memory of whatever kind: what is not sent at once is held, not copied. For large
    /// pieces, whose owner must be one that may be dropped on any thread.
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

/// A response body that is (the rest of) a regular file.
#[derive(Debug)]
pub struct FileBody {
    /// A descriptor of the server's own, duplicated from the application's.
    pub file: File,
    /// Where in the file the body begins.
    pub offset: u64,
    /// How many bytes of it there are.
    pub length: u64,
}

/// Whether the one who answers should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// More is welcome.
    Continue,
    /// Much is waiting for the client to take it: call [`Reply::wait`] before the next chunk.
    Wait,
    /// The response has no body, whatever is given: the method is HEAD, or the status 204 or 304.
    /// The rest need not be made; the response only needs `finish`.
    Enough,
    /// The connection is gone: nothing more can be sent, and the response should be given up.
    Gone,
}

/// Where a response goes: head, then chunks or a file, then `finish`; or `fail` at any time.
///
/// No method but [`Reply::wait`] blocks. Dropped without `finish` or `fail`, the request counts as
/// failed with [`ApplicationFault::Dropped`].
pub trait Reply: Send {
    /// Gives the head. It leaves with the first chunk, or at the end. A second head before that
    /// replaces the first; afterwards it is ignored (see [`Reply::is_underway`]).
    fn head(&mut self, head: ResponseHead);

    /// Whether the head has gone, so that it can no longer be replaced.
    fn is_underway(&self) -> bool;

    /// Sends the next piece of the body; an empty one does nothing.
    fn chunk(&mut self, chunk: Chunk<'_>) -> Flow;

    /// Blocks until the client has taken enough, and no longer than the server's write-timeout.
    /// Never answers [`Flow::Wait`].
    fn wait(&mut self) -> Flow;

    /// Sends a file as the whole body, where no chunk has been sent; the response then only needs
    /// `finish`.
    fn file(&mut self, file: FileBody) -> Flow;

    /// Ends the response. `last` is its last piece, and may be empty. Where the head has not gone
    /// yet, `last` is the whole body: its length is declared, and all of it leaves in one write.
    fn finish(&mut self, last: Chunk<'_>);

    /// Gives the response up: 500 where the head has not gone, else the connection is cut, so that
    /// nothing looks complete that is not.
    fn fail(&mut self, fault: ApplicationFault);

    /// Tells whether the client has gone. Where it cannot be asked any more, the connection is over.
    fn presence(&self) -> Weak<dyn Presence>;
}

/// Whether the client is still there.
pub trait Presence: Send + Sync {
    /// True as soon as the client has closed or reset its connection.
    fn is_gone(&self) -> bool;
}

/// Where worker threads get their work.
///
/// A worker loops over [`Exchanges::try_next`] and, when that has nothing, [`Exchanges::wait`]. The
/// first never blocks, so that a worker may keep the interpreter's lock between two requests; the
/// second is called without it. A worker takes an exchange only once it holds the lock, so that
/// no exchange waits for a lock that another idle worker could have had.
pub trait Exchanges: Send + Sync {
    /// The next exchange, if one waits.
    fn try_next(&self) -> Option<Exchange>;

    /// Blocks until `try_next` is worth calling, or the worker should end.
    fn wait(&self) -> Wake;

    /// Whether this worker has answered for so long without a pause that it should let other
    /// threads of the interpreter run once before it goes on.
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
    /// An exchange may be there.
    Work,
    /// Do without work what should be done now and then (drop what other threads have left for
    /// this one), then wait again.
    Housekeeping,
    /// No more will come: end the thread.
    Closed,
}

/// Answers exchanges.
pub trait Application: Send + Sync {
    /// Starts one thread of the application's own kind (a Python thread for WSGI, a std one in
    /// tests), which takes from `exchanges` until that says [`Wake::Closed`]. The server decides
    /// how many there are, and when a stuck one is replaced.
    ///
    /// # Errors
    /// The thread could not be started; the text says why.
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

    /// What the thread is doing: the application's own stack, innermost call last.
    ///
    /// # Errors
    /// It could not be had within `patience`: the interpreter's lock is held by somebody who does
    /// not give it up.
    fn stack(&self, patience: Duration) -> Result<String, StackUnavailable>;
}

/// A worker thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start worker thread `{name}`: {reason}")]
pub struct StartError {
    /// Which one.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The stack of a thread could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackUnavailable {
    /// The interpreter did not answer in time.
    #[error("the interpreter is busy: its lock could not be had in time")]
    Busy,
    /// The thread has ended, or runs no application code.
    #[error("the thread runs no application code")]
    NotRunning,
}
