//! Where a request's body ends (RFC 9112 §6): the rules that smuggling is made of.
//!
//! Whatever two hops could read differently is refused: two lengths, a length and a coding, a
//! coding that is not understood, a coding on a version that does not have it.

use crate::limits::Limits;
use crate::message::headers::{is_token, list_members};
use crate::message::{BodyFraming, Version};
use crate::rejection::Rejection;

/// What the framing fields of a head say, before it is judged.
#[derive(Debug, Default)]
pub(super) struct Framing {
    length: Length,
    coding: Coding,
}

/// What Content-Length says (RFC 9110 §8.6).
#[derive(Clone, Copy, Debug, Default)]
enum Length {
    #[default]
    Absent,
    Bytes(u64),
    /// Digits, but more than a number of ours can hold.
    Huge,
    /// No digits, or a second line: even the same length twice means that somebody on the way
    /// put fields together.
    Invalid,
}

/// What all Transfer-Encoding lines together say (RFC 9112 §6.1).
#[derive(Clone, Copy, Debug, Default)]
enum Coding {
    #[default]
    Absent,
    /// Nothing but commas so far.
    Empty,
    Chunked,
    /// The name of some other coding is there, which we do not have.
    Unknown,
    /// Something that is no name of a coding, or chunked for a second time.
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
                // Parameters too end here (RFC 9112 §7): chunked has none, and the others are
                // not ours.
                _ if is_token(member) => Coding::Unknown,
                _ => Coding::Invalid,
            };
        }
    }

    /// How the body is framed, or why that cannot be told (RFC 9112 §6.3).
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
            // RFC 9112 §6.1: whoever sends a coding with 1.0 has forwarded what it did not read.
            (_, Length::Absent) if version == Version::Http10 => Err(Rejection::TransferEncoding),
            (Coding::Chunked, Length::Absent) => Ok(BodyFraming::Chunked),
            (Coding::Unknown, Length::Absent) => Err(Rejection::UnknownCoding),
            (Coding::Empty | Coding::Invalid, Length::Absent) => Err(Rejection::TransferEncoding),
        }
    }
}

impl Length {
    /// 1*DIGIT; leading zeros are decimal, too.
    fn parse(value: &[u8]) -> Self {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Self::Invalid;
        }
        let number = value.iter().try_fold(0u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        number.map_or(Self::Huge, Self::Bytes)
    }
}
