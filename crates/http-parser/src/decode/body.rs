//! Decodes the body of a request, according to the framing of its head (RFC 9112 §6).

use super::Decoded;
use super::chunked::{Chunked, Piece};
use crate::limits::Limits;
use crate::message::BodyFraming;
use crate::rejection::Rejection;

/// Reads one body.
#[derive(Debug)]
pub(super) enum BodyReader {
    /// The number of bytes still to come; zero if there is no body.
    Length(u64),
    /// The chunked coding.
    Chunked(Chunked),
}

impl BodyReader {
    pub(super) fn new(framing: BodyFraming) -> Self {
        match framing {
            BodyFraming::None => Self::Length(0),
            BodyFraming::Length(length) => Self::Length(length),
            BodyFraming::Chunked => Self::Chunked(Chunked::new()),
        }
    }

    /// Consumes bytes from the front of `input`, and returns a part of the body, or its end.
    pub(super) fn read<'a>(
        &mut self,
        input: &mut &'a [u8],
        limits: &Limits,
    ) -> Result<Decoded<'a>, Rejection> {
        match self {
            Self::Length(0) => Ok(Decoded::End),
            Self::Length(_) if input.is_empty() => Ok(Decoded::Incomplete),
            Self::Length(left) => {
                let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                let (piece, rest) = input.split_at_checked(length).unwrap_or((input, &[]));
                *input = rest;
                *left -= piece.len() as u64;
                Ok(Decoded::Body(piece))
            }
            Self::Chunked(chunked) => Ok(match chunked.read(input, limits)? {
                Piece::Incomplete => Decoded::Incomplete,
                Piece::Data(data) => Decoded::Body(data),
                Piece::End => Decoded::End,
            }),
        }
    }
}
