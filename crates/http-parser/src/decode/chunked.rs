//! Decodes the chunked coding (RFC 9112 §7.1), byte by byte except for chunk data.
//!
//! It is a state machine, so the result does not depend on how the input is split, and nothing is
//! buffered: sizes and extensions are validated as they arrive, and data is passed on. Any deviation
//! from the grammar is rejected, because each known leniency (an empty size, a bare LF, a sign, a
//! space) has allowed request smuggling in some server.

use super::cost;
use super::trailer::Trailer;
use crate::limits::Limits;
use crate::message::headers::is_token_byte;
use crate::rejection::Rejection;

/// The maximum digits of a chunk size, which fit 64 bits.
const SIZE_DIGITS: u8 = 16;

/// Reads one chunked body.
#[derive(Debug)]
pub(super) struct Chunked {
    position: Position,
    /// Bytes of the current chunk line, without its CRLF.
    line_bytes: usize,
    /// Bytes of all extensions of this body.
    extension_bytes: usize,
    /// The sum of all chunk sizes.
    announced: u64,
    /// Bytes received, including the coding.
    raw: u64,
}

/// The position of the next byte in the coding.
#[derive(Debug)]
enum Position {
    /// In a chunk line.
    Line(Line),
    /// After the CR of a chunk line.
    LineEnd { size: u64 },
    /// In chunk data, of which `left` bytes are still to come.
    Data { left: u64 },
    /// At the CR after the data.
    DataCr,
    /// At the LF after that.
    DataLf,
    /// After the last chunk.
    Trailer(Trailer),
}

/// The position of the next byte in a chunk line. `size` is that of the chunk.
#[derive(Clone, Copy, Debug)]
struct Line {
    size: u64,
    part: Part,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// In the size, after this many digits.
    Size {
        digits: u8,
    },
    /// In white space; a semicolon must follow.
    BeforeSemicolon,
    /// After a semicolon and optional white space; a name must follow.
    NameStart,
    Name,
    /// In white space after a name; `=` or `;` must follow.
    AfterName,
    /// After `=` and optional white space; a value must follow.
    ValueStart,
    Value,
    Quoted,
    QuotedPair,
    /// After the closing quote.
    AfterQuoted,
}

/// The meaning of the next bytes of a chunked body.
pub(super) enum Piece<'a> {
    /// All bytes were consumed; more are needed.
    Incomplete,
    /// Data; never empty.
    Data(&'a [u8]),
    /// The body is complete.
    End,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            position: Position::Line(Line::START),
            line_bytes: 0,
            extension_bytes: 0,
            announced: 0,
            raw: 0,
        }
    }

    /// Consumes bytes from the front of `input`.
    ///
    /// A body that exceeds its limit and is also invalid is reported as too large.
    pub(super) fn read<'a>(
        &mut self,
        input: &mut &'a [u8],
        limits: &Limits,
    ) -> Result<Piece<'a>, Rejection> {
        let received = self.raw.saturating_add(input.len() as u64);
        let piece = self.step(input, limits);
        self.raw = received.saturating_sub(input.len() as u64);
        match piece {
            Err(_) if received > limits.body_bytes => Err(Rejection::BodyTooLarge),
            piece => piece,
        }
    }

    fn step<'a>(&mut self, input: &mut &'a [u8], limits: &Limits) -> Result<Piece<'a>, Rejection> {
        loop {
            match &mut self.position {
                Position::Data { left } => {
                    if input.is_empty() {
                        return Ok(Piece::Incomplete);
                    }
                    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    let (data, rest) = input.split_at_checked(length).unwrap_or((input, &[]));
                    *input = rest;
                    *left -= data.len() as u64;
                    if *left == 0 {
                        self.position = Position::DataCr;
                    }
                    return Ok(Piece::Data(data));
                }
                Position::Trailer(trailer) => {
                    let done = trailer.read(input, limits)?;
                    return Ok(if done { Piece::End } else { Piece::Incomplete });
                }
                _ => {
                    let Some((&byte, rest)) = input.split_first() else {
                        return Ok(Piece::Incomplete);
                    };
                    cost::count(1);
                    self.take(byte, limits)?;
                    *input = rest;
                }
            }
        }
    }

    /// Consumes a byte that is not data.
    fn take(&mut self, byte: u8, limits: &Limits) -> Result<(), Rejection> {
        match (&mut self.position, byte) {
            (Position::Line(line), b'\r') => {
                let size = line.end()?;
                self.position = Position::LineEnd { size };
            }
            (Position::Line(_), b'\n') => return Err(Rejection::BareLineEnd),
            (Position::Line(line), _) => {
                line.take(byte)?;
                self.line_bytes += 1;
                if !matches!(line.part, Part::Size { .. }) {
                    self.extension_bytes += 1;
                }
                if self.line_bytes > limits.chunk_line_bytes
                    || self.extension_bytes > limits.chunk_extension_bytes
                {
                    return Err(Rejection::ChunkExtension);
                }
            }
            (Position::LineEnd { size: 0 }, b'\n') => {
                self.position = Position::Trailer(Trailer::default())
            }
            (&mut Position::LineEnd { size }, b'\n') => {
                self.announced = self.announced.saturating_add(size);
                if self.announced > limits.body_bytes {
                    return Err(Rejection::BodyTooLarge);
                }
                self.line_bytes = 0;
                self.position = Position::Data { left: size };
            }
            (Position::LineEnd { .. }, _) => return Err(Rejection::BareLineEnd),
            (Position::DataCr, b'\r') => self.position = Position::DataLf,
            (Position::DataLf, b'\n') => self.position = Position::Line(Line::START),
            _ => return Err(Rejection::ChunkTermination),
        }
        Ok(())
    }

    /// Bytes of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.position {
            Position::Trailer(trailer) => trailer.held_bytes(),
            _ => 0,
        }
    }
}

impl Line {
    const START: Self = Self { size: 0, part: Part::Size { digits: 0 } };

    /// Consumes a byte of the line:
    /// `chunk-size *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
    fn take(&mut self, byte: u8) -> Result<(), Rejection> {
        let space = matches!(byte, b' ' | b'\t');
        self.part = match (self.part, byte) {
            (Part::Size { digits }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = (self.size << 4) | u64::from(digit);
                if digits == SIZE_DIGITS {
                    return Err(Rejection::ChunkSize);
                }
                Part::Size { digits: digits + 1 }
            }
            (Part::Size { digits: 1.. }, b';') => Part::NameStart,
            (Part::Size { digits: 1.. }, _) if space => Part::BeforeSemicolon,
            (Part::Size { .. }, _) => return Err(Rejection::ChunkSize),

            (Part::NameStart | Part::Name, _) if is_token_byte(byte) => Part::Name,
            (Part::ValueStart | Part::Value, _) if is_token_byte(byte) => Part::Value,
            (Part::ValueStart, b'"') => Part::Quoted,
            (Part::Name | Part::AfterName, b'=') => Part::ValueStart,
            (
                Part::BeforeSemicolon
                | Part::Name
                | Part::AfterName
                | Part::Value
                | Part::AfterQuoted,
                b';',
            ) => Part::NameStart,
            (Part::NameStart, _) if space => Part::NameStart,
            (Part::ValueStart, _) if space => Part::ValueStart,
            (Part::Name | Part::AfterName, _) if space => Part::AfterName,
            (Part::BeforeSemicolon | Part::Value | Part::AfterQuoted, _) if space => {
                Part::BeforeSemicolon
            }

            (Part::Quoted, b'"') => Part::AfterQuoted,
            (Part::Quoted, b'\\') => Part::QuotedPair,
            (Part::Quoted | Part::QuotedPair, b'\t' | 0x20..=0x7e | 0x80..=0xff) => Part::Quoted,
            _ => return Err(Rejection::ChunkExtension),
        };
        Ok(())
    }

    /// The size, if the line may end here.
    fn end(self) -> Result<u64, Rejection> {
        match self.part {
            Part::Size { digits: 1.. } | Part::Name | Part::Value | Part::AfterQuoted => {
                Ok(self.size)
            }
            Part::Size { .. } => Err(Rejection::ChunkSize),
            _ => Err(Rejection::ChunkExtension),
        }
    }
}
