//! Whether another request may follow on a connection (RFC 9112 §9.3).
//!
//! HTTP/1.1 persists unless somebody says `close`; HTTP/1.0 persists only when the client asks for
//! it, and only behind a response whose end it can see.

use super::{Connection, Writing};
use crate::encode::BodyEncoder;
use crate::encode::head::Persistence;
use crate::message::{RequestHead, Version};

/// What the request says of it, and the server's own wish.
pub(super) fn after_request(head: &RequestHead, draining: bool) -> Persistence {
    let asked_for = match head.version() {
        Version::Http11 => true,
        Version::Http10 => head.wants_keep_alive(),
    };
    if asked_for && !head.wants_close() && !draining {
        Persistence::KeepAlive
    } else {
        Persistence::Close
    }
}

/// What the response's framing leaves of it.
pub(super) fn after_response(wished: Persistence, encoder: &BodyEncoder) -> Persistence {
    match encoder {
        BodyEncoder::UntilClose => Persistence::Close,
        BodyEncoder::Forbidden | BodyEncoder::Length { .. } | BodyEncoder::Chunked => wished,
    }
}

impl Connection {
    /// The response that is owed, or under way, is the last one. Where its head has not gone, it
    /// will say so.
    pub(super) fn close_after_response(&mut self) {
        match &mut self.writing {
            Writing::Owed { persistence, .. } | Writing::Body { persistence, .. } => {
                *persistence = Persistence::Close;
            }
            Writing::Idle | Writing::Ended(_) => {}
        }
    }
}
