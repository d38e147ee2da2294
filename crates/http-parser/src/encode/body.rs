//! Encodes a response body according to its framing. It never sends more than was declared, and
//! never makes an incomplete body look complete.

use std::io::Write as _;

/// How the rest of a response body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEncoder {
    /// There is no body: HEAD, 204, 304. Body bytes are discarded.
    Forbidden,
    /// A declared number of bytes.
    Length {
        /// The number of bytes still to send.
        remaining: u64,
        /// The number of bytes beyond the declared length, which were discarded.
        excess: u64,
    },
    /// The chunked coding (RFC 9112 §7.1).
    Chunked,
    /// Up to the end of the connection.
    UntilClose,
}

/// How to write one chunk of the body: a prefix, some of its bytes, and a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    size_line: [u8; SIZE_LINE_BYTES],
    size_line_length: u8,
    /// The number of bytes to send; the rest is beyond the declared length.
    pub take: u64,
    /// The bytes to send after them.
    pub suffix: &'static [u8],
}

/// 16 hexadecimal digits and CRLF.
const SIZE_LINE_BYTES: usize = 18;

impl Frame {
    const fn plain(take: u64) -> Self {
        Self { size_line: [0; SIZE_LINE_BYTES], size_line_length: 0, take, suffix: b"" }
    }

    fn chunk(take: u64) -> Self {
        let mut frame = Self { suffix: b"\r\n", ..Self::plain(take) };
        let mut rest = frame.size_line.as_mut_slice();
        // 64 bits have at most 16 digits, so the line always fits.
        let fits = write!(rest, "{take:X}\r\n");
        debug_assert!(fits.is_ok());
        let left = rest.len();
        frame.size_line_length = u8::try_from(SIZE_LINE_BYTES - left).unwrap_or_default();
        frame
    }

    /// The bytes to send before the chunk: a chunk-size line, or nothing.
    pub fn prefix(&self) -> &[u8] {
        self.size_line.get(..usize::from(self.size_line_length)).unwrap_or_default()
    }
}

impl BodyEncoder {
    /// The frame for `length` bytes. For zero bytes it is empty, because an empty chunk would end a
    /// chunked body.
    pub fn frame(&mut self, length: u64) -> Frame {
        match self {
            Self::Forbidden => Frame::plain(0),
            Self::Length { remaining, excess } => {
                let take = length.min(*remaining);
                *remaining -= take;
                *excess = excess.saturating_add(length - take);
                Frame::plain(take)
            }
            Self::Chunked if length > 0 => Frame::chunk(length),
            Self::Chunked | Self::UntilClose => Frame::plain(length),
        }
    }

    /// The bytes that end the body.
    pub fn end(&self) -> &'static [u8] {
        match self {
            Self::Chunked => b"0\r\n\r\n",
            Self::Forbidden | Self::Length { .. } | Self::UntilClose => b"",
        }
    }

    /// Whether all bytes of the response have been given.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Forbidden | Self::Length { remaining: 0, .. })
    }

    /// The number of declared bytes that were not given.
    pub fn missing(&self) -> u64 {
        match self {
            Self::Length { remaining, .. } => *remaining,
            Self::Forbidden | Self::Chunked | Self::UntilClose => 0,
        }
    }

    /// The number of bytes given beyond the declared length. It is 0 for a response without a body,
    /// such as one to HEAD, where the application may produce any body.
    pub fn excess(&self) -> u64 {
        match self {
            Self::Length { excess, .. } => *excess,
            Self::Forbidden | Self::Chunked | Self::UntilClose => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_was_declared_is_cut() {
        let mut encoder = BodyEncoder::Length { remaining: 5, excess: 0 };
        assert_eq!(encoder.frame(3).take, 3);
        assert_eq!(encoder.frame(3).take, 2);
        assert_eq!(encoder.frame(3).take, 0);
        assert_eq!((encoder.missing(), encoder.excess()), (0, 4));
    }

    #[test]
    fn a_chunk_has_its_size_in_upper_case_hexadecimal() {
        let frame = BodyEncoder::Chunked.frame(0x1A2B);
        assert_eq!((frame.prefix(), frame.suffix), (&b"1A2B\r\n"[..], &b"\r\n"[..]));
        assert_eq!(BodyEncoder::Chunked.frame(u64::MAX).prefix(), b"FFFFFFFFFFFFFFFF\r\n");
    }

    #[test]
    fn an_empty_piece_does_not_end_a_chunked_body() {
        let frame = BodyEncoder::Chunked.frame(0);
        assert_eq!((frame.prefix(), frame.take, frame.suffix), (&b""[..], 0, &b""[..]));
    }
}
