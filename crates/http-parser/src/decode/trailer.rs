//! Parses the trailer section after a chunked body (RFC 9112 §7.1.2): it is validated like a head,
//! then discarded.
//!
//! WSGI has no place for trailers. Merging them into the head would let a client change
//! authentication or framing after they have been checked (RFC 9110 §6.5.1).

use super::cost;
use super::fields;
use super::lines::{Lines, Next};
use crate::limits::Limits;
use crate::rejection::Rejection;

/// Reads one trailer section.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    held: Vec<u8>,
    lines: Lines,
    count: usize,
}

impl Trailer {
    /// Consumes bytes from the front of `input`. Returns true if the section, and so the body, is
    /// complete.
    pub(super) fn read(&mut self, input: &mut &[u8], limits: &Limits) -> Result<bool, Rejection> {
        if let (true, [b'\r', b'\n', rest @ ..]) = (self.held.is_empty(), *input) {
            *input = rest;
            return Ok(true); // nearly always
        }
        let before = self.held.len();
        let bytes = *input;
        // One byte over the limit is enough to reject it.
        let room = (limits.trailer_bytes + 1).saturating_sub(before).min(bytes.len());
        self.held.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        cost::count(room);
        loop {
            match self.lines.next(&self.held) {
                Next::Line(_) => {
                    self.count += 1;
                    if self.count > limits.fields {
                        return Err(Rejection::Trailer);
                    }
                }
                Next::End(end) if end <= limits.trailer_bytes => {
                    *input = bytes.get(end.saturating_sub(before)..).unwrap_or_default();
                    self.judge(end)?;
                    return Ok(true);
                }
                Next::Bare(at) if at < limits.trailer_bytes => return Err(Rejection::BareLineEnd),
                _ if self.held.len() > limits.trailer_bytes => return Err(Rejection::Trailer),
                _ => {
                    *input = &[];
                    return Ok(false);
                }
            }
        }
    }

    /// Validates the section, which is complete and ends at `end`.
    fn judge(&mut self, end: usize) -> Result<(), Rejection> {
        let held = std::mem::take(&mut self.held);
        let section = held.get(..end).unwrap_or_default();
        cost::count(end);
        fields::parse(section, self.count, |name, _| {
            if is_forbidden(name) { Err(Rejection::Trailer) } else { Ok(()) }
        })
        .map_err(|_| Rejection::Trailer)
    }

    /// Bytes of memory held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.capacity()
    }
}

/// Fields that are forbidden in a trailer section (RFC 9110 §6.5.1), because they concern framing,
/// the connection or routing: a neighbour that merges them into the head would see another message.
/// The others of that clause (credentials, conditions, the type of the content) are discarded with
/// the section, as if they were not there.
const FORBIDDEN: [&str; 12] = [
    "connection",
    "content-length",
    "forwarded",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

fn is_forbidden(name: &[u8]) -> bool {
    let forwarding = b"x-forwarded-";
    name.get(..forwarding.len()).is_some_and(|start| start.eq_ignore_ascii_case(forwarding))
        || FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
}
