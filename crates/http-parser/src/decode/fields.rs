//! Parses field lines (RFC 9112 §5), and evaluates those that the server acts on: Host, framing,
//! Connection, Expect.
//!
//! `httparse` parses the lines. It is called once per section, when the section is complete and all
//! its line ends are known to be CRLF. It rejects white space before a colon, folded lines, names
//! that are not tokens, and control characters.

use httparse::{EMPTY_HEADER, Header};

use super::framing::Framing;
use crate::message::Version;
use crate::message::head_buffer::Field;
use crate::message::headers::{is_name, list_members};
use crate::message::span::Span;
use crate::message::target::{Target, split_authority};
use crate::rejection::Rejection;

/// Enough for most requests, which then need not initialise a hundred entries.
const FEW: usize = 16;
/// The default limit.
const MANY: usize = 100;

/// Takes apart `section`, `count` field lines and an empty line, and gives name and value of each
/// to `each`; `httparse` trims values of SP and HTAB, and of nothing else.
pub(super) fn parse<'s>(
    section: &'s [u8],
    count: usize,
    each: impl FnMut(&'s [u8], &'s [u8]) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    if count <= FEW {
        parse_into(section, &mut [EMPTY_HEADER; FEW], each)
    } else if count <= MANY {
        parse_into(section, &mut [EMPTY_HEADER; MANY], each)
    } else {
        parse_into(section, &mut vec![EMPTY_HEADER; count], each)
    }
}

fn parse_into<'s>(
    section: &'s [u8],
    room: &mut [Header<'s>],
    mut each: impl FnMut(&'s [u8], &'s [u8]) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    match httparse::parse_headers(section, room) {
        Ok(httparse::Status::Complete((used, headers))) if used == section.len() => {
            headers.iter().try_for_each(|header| each(header.name.as_bytes(), header.value))
        }
        _ => Err(Rejection::FieldLine),
    }
}

/// The evaluated fields of a head.
#[derive(Debug, Default)]
pub(super) struct EvaluatedFields {
    host: Option<Span>,
    pub(super) framing: Framing,
    pub(super) wants_close: bool,
    pub(super) wants_keep_alive: bool,
    expectation: Expectation,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Expectation {
    #[default]
    Nothing,
    Continue,
    Other,
}

impl EvaluatedFields {
    /// Evaluates one field. Comparing lengths first excludes most others.
    pub(super) fn note(
        &mut self,
        name: &[u8],
        field: &Field,
        value: &[u8],
    ) -> Result<(), Rejection> {
        match name.len() {
            4 if is_name(name, b"host") => {
                // RFC 9112 §3.2: more than one, or an invalid one, is rejected.
                if self.host.is_some() || split_authority(value).is_none() {
                    return Err(Rejection::Host);
                }
                self.host = Some(field.value);
            }
            6 if is_name(name, b"expect") => self.note_expect(value),
            10 if is_name(name, b"connection") => self.note_connection(value),
            14 if is_name(name, b"content-length") => self.framing.note_length(value),
            17 if is_name(name, b"transfer-encoding") => self.framing.note_coding(value),
            _ => {}
        }
        Ok(())
    }

    /// RFC 9110 §7.6.1: a case-insensitive list over all lines.
    fn note_connection(&mut self, value: &[u8]) {
        for option in list_members(value) {
            self.wants_close |= option.eq_ignore_ascii_case(b"close");
            self.wants_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// RFC 9110 §10.1.1: a list of which only `100-continue` is defined.
    fn note_expect(&mut self, value: &[u8]) {
        for member in list_members(value) {
            if !member.eq_ignore_ascii_case(b"100-continue") {
                self.expectation = Expectation::Other;
            } else if self.expectation == Expectation::Nothing {
                self.expectation = Expectation::Continue;
            }
        }
    }

    /// RFC 9112 §3.2: HTTP/1.1 needs Host, even with an absolute-form target.
    pub(super) fn check_host(&self, version: Version) -> Result<(), Rejection> {
        if self.host.is_none() && version == Version::Http11 {
            Err(Rejection::Host)
        } else {
            Ok(())
        }
    }

    /// Whether the target has an authority but there is no Host: HTTP/1.0 with absolute-form.
    pub(super) fn lacks_host(&self, target: &Target) -> bool {
        self.host.is_none() && target.authority.is_some()
    }

    /// Whether `100 Continue` is expected. Expect is ignored on HTTP/1.0 (RFC 9110 §10.1.1).
    pub(super) fn expects_continue(&self, version: Version) -> Result<bool, Rejection> {
        match (version, &self.expectation) {
            (Version::Http10, _) | (_, Expectation::Nothing) => Ok(false),
            (_, Expectation::Continue) => Ok(true),
            (_, Expectation::Other) => Err(Rejection::Expectation),
        }
    }
}
