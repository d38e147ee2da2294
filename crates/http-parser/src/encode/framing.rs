//! Decides the framing of a response body.
//!
//! The length is the application's Content-Length, or else the length that is known otherwise.
//! Without either, the body is chunked on HTTP/1.1, and ends with the connection on HTTP/1.0. A
//! response to HEAD, or with status 204, 205 or 304, has no body, even if the application returns
//! one: the client would parse it as the next response.
//!
//! RFC 9112 §6.3; RFC 9110 §8.6, §9.3.2, §15.3.5, §15.3.6, §15.4.5.

use super::body::BodyEncoder;
use crate::message::{ResponseHead, Version};

/// The properties of the request on which the framing of the response depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseTo {
    /// Whether the method is HEAD.
    pub is_head: bool,
    /// The version of the request, which is repeated in the status line.
    pub version: Version,
}

/// The framing of a response.
#[derive(Debug)]
pub(crate) struct ResponseFraming {
    /// The framing field to add to the head.
    pub field: FramingField,
    /// The encoder of the body.
    pub encoder: BodyEncoder,
}

/// The framing field that the server adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingField {
    /// None, because the application has set it or there is no body.
    None,
    /// Content-Length.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
}

/// A form is to be cleared.
const RESET_CONTENT: u16 = 205;

/// Decides the framing. `known` is the length of the whole body, if it is known without having been
/// declared.
pub(crate) fn decide(
    head: &mut ResponseHead,
    request: ResponseTo,
    known: Option<u64>,
) -> ResponseFraming {
    let (field, encoder) = if head.is_bodiless() {
        // In 304, RFC 9110 §8.6 allows the length that a 200 would have. What an application declares
        // is that of the empty body which it returns.
        head.remove_content_length();
        (FramingField::None, BodyEncoder::Forbidden)
    } else if head.status() == RESET_CONTENT {
        // It has no content (RFC 9110 §15.3.6), but RFC 9112 §6.3 does not know it as such.
        head.remove_content_length();
        (FramingField::Length(0), BodyEncoder::Forbidden)
    } else if request.is_head {
        // A known length of zero usually means that the application omits the body for HEAD. It is
        // not the length that GET would have, so no length is sent.
        match (head.content_length(), known) {
            (None, Some(length)) if length > 0 => {
                (FramingField::Length(length), BodyEncoder::Forbidden)
            }
            _ => (FramingField::None, BodyEncoder::Forbidden),
        }
    } else {
        match (head.content_length(), known, request.version) {
            (Some(remaining), ..) => {
                (FramingField::None, BodyEncoder::Length { remaining, excess: 0 })
            }
            (None, Some(length), _) => {
                (FramingField::Length(length), BodyEncoder::Length { remaining: length, excess: 0 })
            }
            (None, None, Version::Http11) => (FramingField::Chunked, BodyEncoder::Chunked),
            (None, None, Version::Http10) => (FramingField::None, BodyEncoder::UntilClose),
        }
    };
    ResponseFraming { field, encoder }
}
