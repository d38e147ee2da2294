//! Decides the framing of a request body (RFC 9112 §6). Differing interpretations of these fields
//! are the main cause of request smuggling.
//!
//! So everything that two hops could interpret differently is rejected: two lengths, a length with a
//! coding, an unknown coding, and a coding on HTTP/1.0.

use crate::limits::Limits;
use crate::message::headers::{is_token, list_members};
use crate::message::{BodyFraming, Version};
use crate::rejection::Rejection;

/// The framing fields of a head, before they are combined.
#[derive(Debug, Default)]
pub(super) struct Framing {
    length: Length,
    coding: Coding,
}

/// Digits of a Content-Length, zeros included. A length that a request can have needs 20 at the
/// most. An application would not find the same length behind thousands of zeros: Python's `int()`
/// refuses more than 4,300 digits.
const LENGTH_DIGITS: usize = 100;

/// The state of Content-Length (RFC 9110 §8.6).
#[derive(Clone, Copy, Debug, Default)]
enum Length {
    #[default]
    Absent,
    Bytes(u64),
    /// Digits, but too large for 64 bits.
    Huge,
    /// Not digits, or a second line. Even two equal lengths are rejected: they show that some hop
    /// has merged fields.
    Invalid,
}

/// The state of all Transfer-Encoding lines combined (RFC 9112 §6.1).
#[derive(Clone, Copy, Debug, Default)]
enum Coding {
    #[default]
    Absent,
    /// Only commas so far.
    Empty,
    Chunked,
    /// Another coding, which is not supported.
    Unknown,
    /// A member that is not the name of a coding, or chunked twice.
    Invalid,
}

impl Framing {
    pub(super) fn note_length(&mut self, value: &[u8]) {
        self.length = match self.length {
            Length::Absent => Length::parse(value),
            _ => Length::Invalid,
        };
    }

    pub(super) fn note_coding(&mut self, value: &[u8]) {
        if let Coding::Absent = self.coding {
            self.coding = Coding::Empty;
        }
        for member in list_members(value) {
            self.coding = match self.coding {
                Coding::Invalid => Coding::Invalid,
                Coding::Chunked if member.eq_ignore_ascii_case(b"chunked") => Coding::Invalid,
                Coding::Absent | Coding::Empty if member.eq_ignore_ascii_case(b"chunked") => {
                    Coding::Chunked
                }
                // Members with parameters are invalid, too (RFC 9112 §7): chunked has none, and
                // other codings are not supported.
                _ if is_token(member) => Coding::Unknown,
                _ => Coding::Invalid,
            };
        }
    }

    /// The framing of the body, or why the request is rejected (RFC 9112 §6.3).
    pub(super) fn decide(
        &self,
        version: Version,
        limits: &Limits,
    ) -> Result<BodyFraming, Rejection> {
        match (self.coding, self.length) {
            (Coding::Absent, Length::Absent) => Ok(BodyFraming::None),
            (Coding::Absent, Length::Bytes(length)) if length <= limits.body_bytes => {
                Ok(BodyFraming::Length(length))
            }
            (Coding::Absent, Length::Bytes(_) | Length::Huge) => Err(Rejection::BodyTooLarge),
            (Coding::Absent, Length::Invalid) => Err(Rejection::ContentLength),
            (_, Length::Bytes(_) | Length::Huge | Length::Invalid) => {
                Err(Rejection::LengthAndChunked)
            }
            // RFC 9112 §6.1: an HTTP/1.0 sender does not understand the coding that it forwards.
            (_, Length::Absent) if version == Version::Http10 => Err(Rejection::TransferEncoding),
            (Coding::Chunked, Length::Absent) => Ok(BodyFraming::Chunked),
            (Coding::Unknown, Length::Absent) => Err(Rejection::UnknownCoding),
            (Coding::Empty | Coding::Invalid, Length::Absent) => Err(Rejection::TransferEncoding),
        }
    }
}

impl Length {
    /// Parses 1*DIGIT as decimal, also with leading zeros, as long as all that read it can.
    fn parse(value: &[u8]) -> Self {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Self::Invalid;
        }
        let number = value.iter().try_fold(0u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        match number {
            Some(_) if value.len() > LENGTH_DIGITS => Self::Invalid,
            Some(number) => Self::Bytes(number),
            None => Self::Huge,
        }
    }
}
