//! Finds the end of a request head, buffers it while it is incomplete, and parses it once.
//!
//! A head that arrives whole is parsed in the receive buffer; the only copy is the one that the
//! request keeps. A head that arrives in parts is buffered, and no byte is scanned again when more
//! arrive. Limits are checked before parsing.

use std::sync::Arc;

use super::cost;
use super::fields::{self, EvaluatedFields};
use super::lines::{Lines, Next};
use super::other_protocol;
use super::request_line::{RequestLine, RequestLineLimits};
use super::singletons::Singletons;
use crate::limits::{EMPTY_LINES, Limits};
use crate::message::head_buffer::{Field, HeadBufferBuilder};
use crate::message::headers::is_token_byte;
use crate::message::span::Span;
use crate::message::{BodyFraming, RequestHead};
use crate::rejection::Rejection;

/// How many bytes are added to a buffered head at a time. This bounds the bytes after the end of the
/// head that are copied needlessly.
const PIECE: usize = 4096;

/// Reads one head.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    /// The bytes of the empty lines before the head that have come; an odd number ends in CR.
    empty_line_bytes: usize,
    /// The beginning of an incomplete head.
    held: Vec<u8>,
    lines: Lines,
    request_line_limits: RequestLineLimits,
    request_line: Option<ParsedLine>,
    field_count: usize,
    is_head_method: bool,
}

/// A request line, and the position of the fields after it.
#[derive(Clone, Copy, Debug)]
struct ParsedLine {
    line: RequestLine,
    fields_start: usize,
}

impl HeadReader {
    /// Consumes bytes from `input`: all of them, unless the head is complete or rejected. The bytes
    /// of a rejected head are not consumed.
    pub(super) fn read(
        &mut self,
        input: &mut &[u8],
        limits: &Limits,
    ) -> Result<Option<Arc<RequestHead>>, Rejection> {
        if !self.held.is_empty() {
            return self.read_on(input, limits);
        }
        self.skip_empty_lines(input)?;
        let bytes = *input;
        match bytes.first() {
            None => return Ok(None),
            // TLS and most other protocols are recognised by the first byte.
            Some(&byte) if !is_token_byte(byte) => {
                return Err(other_protocol::by_first_byte(byte, self.empty_line_bytes));
            }
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
                cost::count(bytes.len());
                *input = &[];
                Ok(None)
            }
        }
    }

    /// Continues with a head that is partly buffered.
    fn read_on(
        &mut self,
        input: &mut &[u8],
        limits: &Limits,
    ) -> Result<Option<Arc<RequestHead>>, Rejection> {
        while !input.is_empty() {
            let bytes = *input;
            let (piece, rest) = bytes.split_at_checked(PIECE).unwrap_or((bytes, &[]));
            let mut held = std::mem::take(&mut self.held);
            let before = held.len();
            held.extend_from_slice(piece);
            cost::count(piece.len());
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

    /// RFC 9112 §2.2: empty lines before a request are skipped, because some clients send them after
    /// a body. They count as bytes of the head, and there may be only a few.
    fn skip_empty_lines(&mut self, input: &mut &[u8]) -> Result<(), Rejection> {
        loop {
            let is_half = !self.empty_line_bytes.is_multiple_of(2);
            match (is_half, *input) {
                (true, [b'\n', rest @ ..]) => *input = rest,
                (false, [b'\r', rest @ ..])
                    if self.empty_line_bytes < EMPTY.as_flattened().len() =>
                {
                    *input = rest;
                }
                (true, [_, ..]) | (false, [b'\n', ..]) => return Err(Rejection::BareLineEnd),
                _ => return Ok(()),
            }
            self.empty_line_bytes += 1;
        }
    }

    /// The end of the head in `bytes`, which begins with it; `None` if it has not arrived.
    fn find_end(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Rejection> {
        let limit = limits.head_bytes.saturating_sub(self.empty_line_bytes);
        let limit = limit.min(u32::MAX as usize); // `Span` counts in u32
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
                    // A CR at the end is not part of the line: it begins CRLF, or will be rejected.
                    self.judge_line(window.strip_suffix(b"\r").unwrap_or(window), limits)?;
                    if bytes.len() > limit {
                        return Err(Rejection::HeadTooLarge);
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Validates the request line as soon as it is complete, because a client that speaks another
    /// protocol may never send an empty line.
    fn read_request_line(
        &mut self,
        window: &[u8],
        end: usize,
        limits: &Limits,
    ) -> Result<(), Rejection> {
        let line = window.get(..end).unwrap_or(window);
        self.is_head_method = line.starts_with(HEAD);
        self.request_line_limits.judge(line, limits)?;
        let line = RequestLine::parse(line)?;
        self.request_line = Some(ParsedLine { line, fields_start: end + 2 });
        Ok(())
    }

    /// Validates the beginning of the request line, if the line is incomplete.
    fn judge_line(&mut self, line: &[u8], limits: &Limits) -> Result<(), Rejection> {
        if self.request_line.is_some() {
            return Ok(());
        }
        self.is_head_method = line.starts_with(HEAD);
        self.request_line_limits.judge(line, limits)
    }

    /// Parses a complete head.
    fn take_apart(&mut self, head: &[u8], limits: &Limits) -> Result<Arc<RequestHead>, Rejection> {
        // The first byte was a token character, so the first line was not empty.
        let ParsedLine { line, fields_start } = self.request_line.ok_or(Rejection::RequestLine)?;
        let RequestLine { method, target, version } = line;
        let section = head.get(fields_start..).unwrap_or_default();
        cost::count(head.len());
        let mut evaluated = EvaluatedFields::default();
        let mut singletons = Singletons::default();
        let mut buffer = HeadBufferBuilder::new(head, self.field_count);
        fields::parse(section, self.field_count, |name, value| {
            if let Some(first) = singletons.first_value(name, head, &buffer) {
                let is_same = first.of(head) == value;
                return if is_same { Ok(()) } else { Err(Rejection::RepeatedField) };
            }
            let field = Field { name: Span::within(head, name), value: Span::within(head, value) };
            buffer.push(field);
            evaluated.note(name, &field, value)
        })?;
        evaluated.check_host(version)?;
        let framing = evaluated.framing.decide(version, limits)?;
        let awaits_body = !matches!(framing, BodyFraming::None | BodyFraming::Length(0));
        let expects_continue = evaluated.expects_continue(version)? && awaits_body;
        if evaluated.lacks_host(&target) {
            buffer.push_absent(HOST);
        }
        Ok(Arc::new(RequestHead {
            buffer: buffer.finish(),
            method,
            target,
            version,
            framing,
            wants_close: evaluated.wants_close,
            wants_keep_alive: evaluated.wants_keep_alive,
            expects_continue,
        }))
    }

    /// The known part of a head that is incomplete or was rejected: its request line, if it is
    /// valid. `unread` is the input that was last passed to [`HeadReader::read`].
    pub(super) fn known(&self, unread: &[u8]) -> Option<RequestHead> {
        let ParsedLine { line, fields_start } = self.request_line?;
        let bytes = if self.held.is_empty() { unread } else { &self.held };
        let RequestLine { method, target, version } = line;
        cost::count(fields_start);
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

    /// The consumed part of the empty lines, and the beginning of the head.
    pub(super) fn unfinished(&self) -> [&[u8]; 2] {
        let empty_lines = EMPTY.as_flattened().get(..self.empty_line_bytes).unwrap_or_default();
        [empty_lines, &self.held]
    }

    /// Whether no byte of a request has arrived.
    pub(super) fn is_untouched(&self) -> bool {
        self.held.is_empty() && self.empty_line_bytes.is_multiple_of(2)
    }

    /// Whether the method is known to be HEAD.
    pub(super) fn is_head_method(&self) -> bool {
        self.is_head_method
    }

    /// Bytes of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }
}

/// The empty lines that are skipped.
const EMPTY: [[u8; 2]; EMPTY_LINES] = [*b"\r\n"; EMPTY_LINES];

/// The beginning of a HEAD request. The method is known after the space, even if the rest of the
/// line is invalid; the rejection has no content then, either (RFC 9110 §9.3.2).
const HEAD: &[u8] = b"HEAD ";

/// Appended to an HTTP/1.0 head whose target has an authority but that has no Host field, so that
/// the application finds the host in the usual place.
const HOST: &[u8] = b"Host";
