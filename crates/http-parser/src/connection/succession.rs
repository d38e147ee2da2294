//! What another [`Connection`] must be given to continue in place of this one: the same requests,
//! the same responses, byte for byte.
//!
//! A connection can be moved to another process between two requests, within a head, and while a
//! complete request waits for its response. The successor is given bytes, as the client sent them,
//! and parses them again, so no state of the parser has to be described. A request that has been
//! parsed is written again: its head as received, its body in one piece. Within a body, after the
//! response head, and once the connection is ending, there is no successor.

use std::time::Instant;

use super::{Connection, Reading, Writing};
use crate::message::{BodyFraming, RequestHead};

/// Input that has been received and does not belong to a complete request, in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Unread<'a> {
    pieces: [&'a [u8]; 3],
}

impl Unread<'_> {
    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there are none: the connection is between two requests.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the bytes to `out`.
    pub fn append_to(&self, out: &mut Vec<u8>) {
        for piece in self.pieces {
            out.extend_from_slice(piece);
        }
    }
}

impl Connection {
    /// The input that a successor must be given, after the request that waits for its response, if
    /// there is one ([`append_request`]). `None` if no successor could continue.
    ///
    /// A request that expects `100 Continue` has been answered that, and a successor would do so
    /// again: the caller asks [`RequestHead::expects_continue`].
    pub fn unread(&self) -> Option<Unread<'_>> {
        let pipelined = self.pipelined.get(self.pipelined_start..).unwrap_or_default();
        let [empty_line, head] = match (self.reading, self.writing) {
            (Reading::Open, Writing::Idle) | (Reading::Buffering, Writing::Owed { .. }) => {
                self.decoder.unfinished()?
            }
            _ => return None,
        };
        Some(Unread { pieces: [empty_line, head, pipelined] })
    }

    /// Since when the connection has waited for the next request, or for the rest of its head. A
    /// successor that is told of its input at this time has the same deadline.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.deadlines.waiting_since(&self.rules.timeouts)
    }
}

/// The number of bytes that [`append_request`] appends.
pub fn request_bytes(head: &RequestHead, body_bytes: usize) -> usize {
    let coding = match (head.framing(), body_bytes) {
        (BodyFraming::None | BodyFraming::Length(_), _) => 0,
        (BodyFraming::Chunked, 0) => LAST_CHUNK.len(),
        (BodyFraming::Chunked, length) => {
            let digits = length.ilog2() as usize / 4 + 1;
            digits + 2 * CRLF.len() + LAST_CHUNK.len()
        }
    };
    head.received().len() + body_bytes + coding
}

/// Appends a complete request to `out`: the head as received, and the body in one piece. Chunk
/// extensions and trailers are not part of it, because no application is given them.
pub fn append_request(head: &RequestHead, body: &[u8], out: &mut Vec<u8>) {
    out.reserve(request_bytes(head, body.len()));
    out.extend_from_slice(head.received());
    match head.framing() {
        BodyFraming::None | BodyFraming::Length(_) => out.extend_from_slice(body),
        BodyFraming::Chunked => {
            if !body.is_empty() {
                out.extend_from_slice(format!("{:x}", body.len()).as_bytes());
                out.extend_from_slice(CRLF);
                out.extend_from_slice(body);
                out.extend_from_slice(CRLF);
            }
            out.extend_from_slice(LAST_CHUNK);
        }
    }
}

const CRLF: &[u8] = b"\r\n";

/// The end of a chunked body without trailers (RFC 9112 §7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
