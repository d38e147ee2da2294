//! Whether another request may follow on a connection (RFC 9112 §9.3).
//!
//! HTTP/1.1 connections persist unless the client or the server sends `close`. HTTP/1.0 connections
//! persist only if the client asks for it, and if the response has a known length.

use super::{Connection, Writing};
use crate::encode::BodyEncoder;
use crate::encode::head::Persistence;
use crate::message::{RequestHead, Version};

/// Persistence according to the request.
pub(super) fn after_request(head: &RequestHead) -> Persistence {
    let asked_for = match head.version() {
        Version::Http11 => true,
        Version::Http10 => head.wants_keep_alive(),
    };
    if asked_for && !head.wants_close() { Persistence::KeepAlive } else { Persistence::Close }
}

/// Persistence after the framing of the response is known.
pub(super) fn after_response(requested: Persistence, encoder: &BodyEncoder) -> Persistence {
    match encoder {
        BodyEncoder::UntilClose => Persistence::Close,
        BodyEncoder::Forbidden | BodyEncoder::Length { .. } | BodyEncoder::Chunked => requested,
    }
}

impl Connection {
    /// Makes the current response the last one. Its head will say so, unless it has been sent.
    pub(super) fn close_after_response(&mut self) {
        match &mut self.writing {
            Writing::Owed { persistence, .. } | Writing::Body { persistence, .. } => {
                *persistence = Persistence::Close;
            }
            Writing::Idle | Writing::Ended(_) => {}
        }
    }
}
