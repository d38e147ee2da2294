//! Decides how long a response body is, and how the client will know.
//!
//! What the application declared wins; what is known without it comes second; else the body is
//! chunked on HTTP/1.1, and ends with the connection on HTTP/1.0. A response to HEAD and one with
//! status 204 or 304 has no body, whatever the application yields: one byte of it would be read as
//! the next response.
//!
//! RFC 9112 §6.3; RFC 9110 §8.6, §9.3.2.

use super::body::BodyEncoder;
use crate::message::{ResponseHead, Version};

/// What the framing of a response depends on in its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether the method is HEAD.
    pub is_head: bool,
    /// The version of the request, which the response's status line repeats.
    pub version: Version,
}

/// How a response is framed: what the head must say of it, and how the body is written.
#[derive(Debug)]
pub struct Framing {
    /// The field to add, where the application's head does not say it.
    pub announce: Announce,
    /// Writes the body.
    pub encoder: BodyEncoder,
}

/// The framing field that the server adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// None: it is there already, or there is no body.
    Nothing,
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
}

/// Decides. `known` is the length of the whole body, where that is known without being declared.
pub fn decide(head: &mut ResponseHead, asked: Asked, known: Option<u64>) -> Framing {
    let (announce, encoder) = if head.is_bodiless() {
        if head.status() != 304 {
            head.remove_content_length(); // RFC 9110 §8.6 allows it on 304, not on 204
        }
        (Announce::Nothing, BodyEncoder::Forbidden)
    } else if asked.is_head {
        // A length of zero here is mostly an application that leaves the body out for HEAD: it
        // does not say what GET would get, so nothing is better than a wrong number.
        match (head.content_length(), known) {
            (None, Some(length)) if length > 0 => {
                (Announce::Length(length), BodyEncoder::Forbidden)
            }
            _ => (Announce::Nothing, BodyEncoder::Forbidden),
        }
    } else {
        match (head.content_length(), known, asked.version) {
            (Some(remaining), ..) => {
                (Announce::Nothing, BodyEncoder::Length { remaining, excess: 0 })
            }
            (None, Some(length), _) => {
                (Announce::Length(length), BodyEncoder::Length { remaining: length, excess: 0 })
            }
            (None, None, Version::Http11) => (Announce::Chunked, BodyEncoder::Chunked),
            (None, None, Version::Http10) => (Announce::Nothing, BodyEncoder::UntilClose),
        }
    };
    Framing { announce, encoder }
}
