//! Finds line ends in input that arrives in parts.
//!
//! Heads and trailer sections consist of lines that end in CRLF, up to an empty line. A bare CR or
//! LF is rejected as soon as it is seen (RFC 9112 §2.2): if one parser takes it for a line end and
//! another for part of a value, a field can be smuggled. No byte is scanned twice.

use std::ops::Range;

use super::cost;

/// The scanning position in a section.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// Everything before this offset has been scanned.
    scanned: usize,
    /// Where the current line starts.
    line_start: usize,
}

/// The next element of a section.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, without its CRLF.
    Line(Range<usize>),
    /// The empty line, and the end of the section after it.
    End(usize),
    /// There is no further line end.
    Incomplete,
    /// A bare CR or LF, and its position.
    Bare(usize),
}

impl Lines {
    /// The next line of `section`, which has the same beginning in every call and may have grown.
    pub(super) fn next(&mut self, section: &[u8]) -> Next {
        let rest = section.get(self.scanned..).unwrap_or_default();
        let found = memchr::memchr2(b'\r', b'\n', rest);
        cost::count(found.map_or(rest.len(), |offset| offset + 2));
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
