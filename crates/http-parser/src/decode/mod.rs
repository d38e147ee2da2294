//! Bytes to requests.
//!
//! The decoder is fed whatever has been received, in whatever pieces, and tells what it means: a
//! head, pieces of its body, the end of the request. It keeps only what is incomplete: an idle
//! connection's decoder holds no buffer.

use std::sync::Arc;

use crate::limits::Limits;
use crate::message::RequestHead;
use crate::rejection::Rejection;

/// What a decoder made of the bytes it was given.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// All bytes are understood or kept; more are needed.
    Incomplete,
    /// A head that has passed every rule. Its body follows, if it has one, then [`Decoded::End`].
    Head(RequestHead),
    /// The next bytes of the body, without any chunked coding; never empty.
    Body(&'a [u8]),
    /// The request is complete. The next call reads the next request.
    End,
    /// The client is refused. Nothing after it can be read.
    Rejected(Rejection),
}

/// Where in a request a decoder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Between two requests: not a byte of the next one has come.
    Between,
    /// Within a head (or an empty line before it).
    Head,
    /// Within a body, or its chunked coding.
    Body,
    /// The client was refused.
    Rejected,
}

/// Reads one connection's requests, one after the other.
#[derive(Debug)]
pub struct Decoder {
    limits: Arc<Limits>,
}

impl Decoder {
    /// A decoder at the start of a connection.
    pub fn new(limits: Arc<Limits>) -> Self {
        Self { limits }
    }

    /// Takes bytes from the front of `input` and tells what they are. Call it until it answers
    /// [`Decoded::Incomplete`]; after [`Decoded::End`] the caller decides when the next request
    /// may be read, and keeps what is left in `input` until then.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Decoded<'a> {
        let _ = (&self.limits, input);
        Decoded::Incomplete
    }

    /// How many body bytes are still to come, where Content-Length says so: they may be received
    /// straight into the body's own buffer and reported by [`Decoder::body_received`].
    pub fn body_remaining(&self) -> Option<u64> {
        None
    }

    /// The next `count` bytes of the body were received without passing through here. `count` is
    /// at most [`Decoder::body_remaining`]. Where it was all, the next `decode` answers `End`.
    pub fn body_received(&mut self, count: u64) {
        let _ = count;
    }

    /// Where the decoder is.
    pub fn progress(&self) -> Progress {
        Progress::Between
    }

    /// Bytes of memory held for an incomplete head.
    pub fn held_bytes(&self) -> usize {
        0
    }
}
