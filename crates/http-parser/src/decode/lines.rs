//! Where lines end, in bytes that come in pieces.
//!
//! Heads and trailer sections are lines that end in CRLF, up to an empty one. A CR or LF on its own
//! is refused as soon as it is seen (RFC 9112 §2.2): what one parser takes for a line end and
//! another for a part of a value is how a field is smuggled past it. No byte is looked at twice,
//! however small the pieces are.

use std::ops::Range;

use super::steps;

/// How far the lines of one section have been found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// Bytes before this one are done with, from the start of the section.
    scanned: usize,
    /// Where the current line starts.
    line_start: usize,
}

/// What comes next in a section.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, without its CRLF.
    Line(Range<usize>),
    /// The empty line, and where the section ends with it.
    End(usize),
    /// No further line end is there.
    Incomplete,
    /// A CR or LF on its own, and where.
    Bare(usize),
}

impl Lines {
    /// The next line of `section`, which always starts with the same bytes and may have grown.
    pub(super) fn next(&mut self, section: &[u8]) -> Next {
        let rest = section.get(self.scanned..).unwrap_or_default();
        let found = memchr::memchr2(b'\r', b'\n', rest);
        steps::count(found.map_or(rest.len(), |offset| offset + 2));
        let Some(offset) = found else {
            self.scanned = section.len();
            return Next::Incomplete;
        };
        let at = self.scanned + offset;
        match rest.get(offset..) {
            Some([b'\r', b'\n', ..]) => {
                let line = self.line_start..at;
                self.line_start = at + 2;
                self.scanned = self.line_start;
                if line.is_empty() { Next::End(self.line_start) } else { Next::Line(line) }
            }
            Some([b'\r']) => {
                self.scanned = at; // what follows it has not come yet
                Next::Incomplete
            }
            _ => Next::Bare(at),
        }
    }
}
