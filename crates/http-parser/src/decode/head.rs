//! A request head: found, held while it is incomplete, and taken apart once.
//!
//! The usual head comes whole, and is parsed where it lies in what was received: its one copy is
//! the buffer that the request keeps. A head that comes in pieces is held, and no byte of it is
//! looked at again because another came. Limits are kept before anything is parsed.

use super::fields::{self, Meaning};
use super::lines::{Lines, Next};
use super::request_line::{Outlook, RequestLine};
use super::steps;
use crate::limits::Limits;
use crate::message::head_buffer::{Field, HeadBufferBuilder};
use crate::message::headers::is_token_byte;
use crate::message::span::Span;
use crate::message::{BodyFraming, RequestHead};
use crate::rejection::Rejection;

/// How much is added at a time to a head that is held. What lies behind the head's end is copied
/// in vain, but never more than this.
const PIECE: usize = 4096;

/// Reads one head.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    empty_line: EmptyLine,
    /// The beginning of an incomplete head.
    held: Vec<u8>,
    lines: Lines,
    outlook: Outlook,
    request_line: Option<ParsedLine>,
    field_count: usize,
    is_head_method: bool,
}

/// A request line, and where the fields start behind it.
#[derive(Clone, Copy, Debug)]
struct ParsedLine {
    line: RequestLine,
    fields_start: usize,
}

/// RFC 9112 §2.2: one empty line before a request is skipped, which some clients send after a
/// body. More than one is not a client's mistake any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum EmptyLine {
    #[default]
    Allowed,
    HalfSeen,
    Skipped,
}

impl HeadReader {
    /// Takes bytes from `input`, all of them unless the head is complete. A head that is refused
    /// stays where it is.
    pub(super) fn read(
        &mut self,
        input: &mut &[u8],
        limits: &Limits,
    ) -> Result<Option<RequestHead>, Rejection> {
        if !self.held.is_empty() {
            return self.read_on(input, limits);
        }
        self.skip_empty_line(input)?;
        let bytes = *input;
        match bytes.first() {
            None => return Ok(None),
            // TLS, HTTP/2 frames and most other protocols are told from the first byte.
            Some(&byte) if !is_token_byte(byte) => return Err(Rejection::RequestLine),
            Some(_) => {}
        }
        match self.find_end(bytes, limits)? {
            Some(end) => {
                let (head, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
                let head = self.take_apart(head, limits)?;
                *input = rest;
                Ok(Some(head))
            }
            None => {
                self.held.extend_from_slice(bytes);
                steps::count(bytes.len());
                *input = &[];
                Ok(None)
            }
        }
    }

    /// Goes on with a head of which something is held.
    fn read_on(
        &mut self,
        input: &mut &[u8],
        limits: &Limits,
    ) -> Result<Option<RequestHead>, Rejection> {
        while !input.is_empty() {
            let bytes = *input;
            let (piece, rest) = bytes.split_at_checked(PIECE).unwrap_or((bytes, &[]));
            let mut held = std::mem::take(&mut self.held);
            let before = held.len();
            held.extend_from_slice(piece);
            steps::count(piece.len());
            let read = match self.find_end(&held, limits) {
                Ok(Some(end)) => {
                    let head = held.get(..end).unwrap_or_default();
                    self.take_apart(head, limits).map(|head| Some((head, end)))
                }
                Ok(None) => Ok(None),
                Err(rejection) => Err(rejection),
            };
            if let Ok(Some((head, end))) = read {
                *input = bytes.get(end.saturating_sub(before)..).unwrap_or_default();
                return Ok(Some(head));
            }
            self.held = held; // a refused one is still asked what is known of it
            read?;
            *input = rest;
        }
        Ok(None)
    }

    fn skip_empty_line(&mut self, input: &mut &[u8]) -> Result<(), Rejection> {
        match (self.empty_line, *input) {
            (_, []) => {}
            (EmptyLine::Allowed, [b'\r', b'\n', rest @ ..])
            | (EmptyLine::HalfSeen, [b'\n', rest @ ..]) => {
                self.empty_line = EmptyLine::Skipped;
                *input = rest;
            }
            (EmptyLine::Allowed, [b'\r']) => {
                self.empty_line = EmptyLine::HalfSeen;
                *input = &[];
            }
            (EmptyLine::HalfSeen, _) | (EmptyLine::Allowed, [b'\r' | b'\n', ..]) => {
                return Err(Rejection::BareLineEnd);
            }
            _ => {}
        }
        Ok(())
    }

    /// Where the head ends in `bytes`, which starts with it; `None` when that has not come yet.
    fn find_end(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Rejection> {
        let limit = limits.head_bytes.min(u32::MAX as usize); // `Span` counts in u32
        let window = bytes.get(..limit).unwrap_or(bytes);
        loop {
            match self.lines.next(window) {
                Next::Line(line) => match self.request_line {
                    None => self.read_request_line(window, line.end, limits)?,
                    Some(_) => {
                        self.field_count += 1;
                        if self.field_count > limits.fields {
                            return Err(Rejection::TooManyFields);
                        }
                    }
                },
                Next::End(end) => return Ok(Some(end)),
                Next::Bare(at) => {
                    self.judge_line(window.get(..at).unwrap_or(window), limits)?;
                    return Err(Rejection::BareLineEnd);
                }
                Next::Incomplete => {
                    // A CR at the end is no part of the line: either its end, or soon refused.
                    self.judge_line(window.strip_suffix(b"\r").unwrap_or(window), limits)?;
                    if bytes.len() > limit {
                        return Err(Rejection::HeadTooLarge);
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Judges the request line as soon as it is there: a client that speaks something else may
    /// never send an empty line.
    fn read_request_line(
        &mut self,
        window: &[u8],
        end: usize,
        limits: &Limits,
    ) -> Result<(), Rejection> {
        let line = window.get(..end).unwrap_or(window);
        self.is_head_method = line.starts_with(HEAD);
        self.outlook.judge(line, limits)?;
        let line = RequestLine::parse(line)?;
        self.request_line = Some(ParsedLine { line, fields_start: end + 2 });
        Ok(())
    }

    /// Judges the beginning of the request line, if that is all there is.
    fn judge_line(&mut self, line: &[u8], limits: &Limits) -> Result<(), Rejection> {
        if self.request_line.is_some() {
            return Ok(());
        }
        self.is_head_method = line.starts_with(HEAD);
        self.outlook.judge(line, limits)
    }

    /// Makes the request head of a head that is complete.
    fn take_apart(&mut self, head: &[u8], limits: &Limits) -> Result<RequestHead, Rejection> {
        // The first byte was a token's, so the first line was not the empty one.
        let ParsedLine { line, fields_start } = self.request_line.ok_or(Rejection::RequestLine)?;
        let RequestLine { method, target, version } = line;
        let section = head.get(fields_start..).unwrap_or_default();
        steps::count(head.len());
        let mut meaning = Meaning::default();
        let mut buffer = HeadBufferBuilder::new(head, self.field_count);
        fields::parse(section, self.field_count, |name, value| {
            let field = Field { name: Span::within(head, name), value: Span::within(head, value) };
            buffer.push(field);
            meaning.note(name, &field, value)
        })?;
        meaning.check_host(version)?;
        let framing = meaning.framing.decide(version, limits)?;
        let awaits_body = !matches!(framing, BodyFraming::None | BodyFraming::Length(0));
        let expects_continue = meaning.expects_continue(version)? && awaits_body;
        if meaning.lacks_host(&target) {
            buffer.push_absent(HOST);
        }
        Ok(RequestHead {
            buffer: buffer.finish(),
            method,
            target,
            version,
            framing,
            wants_close: meaning.wants_close,
            wants_keep_alive: meaning.wants_keep_alive,
            expects_continue,
        })
    }

    /// What is known of a head that is incomplete or was refused: its request line, if that has
    /// passed every rule. `unread` is what was given to [`HeadReader::read`] last.
    pub(super) fn known(&self, unread: &[u8]) -> Option<RequestHead> {
        let ParsedLine { line, fields_start } = self.request_line?;
        let bytes = if self.held.is_empty() { unread } else { &self.held };
        let RequestLine { method, target, version } = line;
        steps::count(fields_start);
        Some(RequestHead {
            buffer: HeadBufferBuilder::new(bytes.get(..fields_start)?, 0).finish(),
            method,
            target,
            version,
            framing: BodyFraming::None,
            wants_close: true,
            wants_keep_alive: false,
            expects_continue: false,
        })
    }

    /// Whether not a byte of a request has come.
    pub(super) fn is_untouched(&self) -> bool {
        self.held.is_empty() && self.empty_line != EmptyLine::HalfSeen
    }

    /// Whether the method is known, and HEAD.
    pub(super) fn is_head_method(&self) -> bool {
        self.is_head_method
    }

    /// Bytes of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }
}

/// A method that is known as soon as the space behind it is there, however the line goes on: the
/// refusal of what follows has no content either (RFC 9110 §9.3.2).
const HEAD: &[u8] = b"HEAD ";

/// Stands behind a head of HTTP/1.0 whose target has an authority for which no Host field is
/// there: the application finds the name of its host where it always is.
const HOST: &[u8] = b"Host";
