//! How an application answers: the response, piece by piece, and what the server says to it.
//!
//! The application never waits by accident: each piece returns a [`Flow`], and only [`Reply::wait`]
//! blocks; a file may have to be read from the disk. A large piece changes hands without being copied.

use std::any::Any;
use std::fs::File;
use std::sync::Weak;

use bytes::Bytes;

use crate::fault::ApplicationFault;
use crate::message::ResponseHead;

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
    /// Dropped when the last byte has been sent, or when none will be any more; on any thread.
    pub owner: Option<Box<dyn Any + Send + Sync>>,
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
/// Only [`Reply::wait`] blocks, and [`Reply::file`] may wait for the disk: both are called without the
/// interpreter's lock. If it is dropped without `finish` or `fail`, the request fails with
/// [`ApplicationFault::Dropped`].
pub trait Reply: Send {
    /// Sets the head. It is sent with the first chunk, or at the end. A second head replaces the
    /// first, unless the first has been sent; then it is ignored.
    fn head(&mut self, head: ResponseHead);

    /// Sends the next chunk of the body; an empty one does nothing.
    fn chunk(&mut self, chunk: Chunk<'_>) -> Flow;

    /// Moves output out of memory, and blocks until the client has read enough or has exceeded
    /// write-timeout, if it must. Never returns [`Flow::Wait`].
    fn wait(&mut self) -> Flow;

    /// Sends a file as the whole body, as far as the client takes it at once; no chunk may have been
    /// sent. Only `finish` may follow.
    fn file(&mut self, file: FileBody) -> Flow;

    /// Values of the environ variables that access log lines show, in the order of their names, after
    /// the application has run; `None` where there is no such variable. Before the end, if at all.
    /// A server that shows none asks for none.
    fn log_environ(&mut self, _values: Vec<Option<Vec<u8>>>) {}

    /// Ends the response. `last` is the last chunk, and may be empty. If the head has not been sent,
    /// `last` is the whole body: its length is declared, and head and body are sent in one write.
    ///
    /// With [`Flow::Wait`], too much memory waits for the client, and [`Reply::wait`] should be called
    /// once more; otherwise, nothing is left to do.
    fn finish(&mut self, last: Chunk<'_>) -> Flow;

    /// Abandons the response. If the head has not been sent, the client gets a 500; otherwise, the
    /// connection is closed, or reset where a close would look like the end of the body.
    fn fail(&mut self, fault: ApplicationFault);

    /// Tells whether the client has disconnected. If it cannot be upgraded, the connection is over.
    fn presence(&self) -> Weak<dyn Presence>;
}

/// Whether the client is still connected.
pub trait Presence: Send + Sync {
    /// True as soon as the client has closed or reset its connection.
    fn is_gone(&self) -> bool;
}
