//! The interface between a server, which reads requests, and an application, which answers them.
//!
//! Neither depends on the other; this module is all that they share. An [`Exchange`] owns its data,
//! because the application may keep it after the call (as Python objects do). A request becomes an
//! [`Exchange`] only when it is complete, so no application thread waits for a client to send.

mod response;
mod worker;

use std::fmt;
use std::fs::File;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::forwarded::Forwarded;
use crate::message::RequestHead;
pub use crate::peer::Peer;
pub use response::{Chunk, FileBody, Flow, Presence, Reply};
pub use worker::{Application, Exchanges, Housekeeper, StackUnavailable, StartError, Wake, Worker};

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

impl Client {
    /// Its address as a trusted proxy reported it, or else that of the peer.
    pub fn address(&self) -> &str {
        match &self.forwarded {
            Forwarded::Trusted(values) => values.remote_addr.as_deref(),
            Forwarded::Cleared | Forwarded::Untouched => None,
        }
        .unwrap_or(&self.peer.host)
    }
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
