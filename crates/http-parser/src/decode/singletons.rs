//! Fields that a request has once: their values are not lists, so two of them contradict each other
//! (RFC 9110 §5.2, §5.3).
//!
//! A recipient that joins them, takes the first or takes the last one sees another request than its
//! neighbour does: two media types, two credentials, two ranges. So two different values are
//! rejected. The same value twice means what it means once, and is passed on once. Host and
//! Content-Length have stricter rules of their own.

use super::cost;
use crate::message::head_buffer::HeadBufferBuilder;
use crate::message::span::Span;

/// The singletons, as most clients spell them. No two are of one [`kind`].
const NAMES: [&[u8]; 16] = [
    b"Authorization",
    b"Content-Disposition", // RFC 6266 §4.1
    b"Content-Location",
    b"Content-Range",
    b"Content-Type",
    b"Date",
    b"From",
    b"If-Modified-Since",
    b"If-Range",
    b"If-Unmodified-Since",
    b"Max-Forwards",
    b"Origin", // RFC 6454 §7.3
    b"Proxy-Authorization",
    b"Range",
    b"Referer",
    b"User-Agent",
];

/// What stands in [`NAMES`] for each kind of name, counted from 1; 0 for nothing. One load, where a
/// search would compare lengths and letters for every field of every request.
static CANDIDATES: [u8; KINDS] = candidates();

/// Kinds of names: five bits of the length, and the five that tell the first letter.
const KINDS: usize = 1 << 10;

#[inline]
const fn kind(name: &[u8]) -> usize {
    let Some(&first) = name.first() else { return 0 };
    (name.len() & 31) << 5 | (first & 31) as usize
}

#[expect(clippy::indexing_slicing, reason = "runs in the compiler")]
const fn candidates() -> [u8; KINDS] {
    let mut table = [0; KINDS];
    let mut at = 0;
    while at < NAMES.len() {
        let place = &mut table[kind(NAMES[at])];
        assert!(*place == 0, "two singletons of one kind");
        at += 1;
        *place = at as u8;
    }
    table
}

/// The singletons of a head.
#[derive(Debug, Default)]
pub(super) struct Singletons {
    /// Those that may have been seen, one bit each.
    seen: u32,
    /// The values that have been sought, by the place of their name: each is sought once, however often
    /// it is repeated.
    found: Vec<(u8, Span)>,
}

impl Singletons {
    /// The value of the field of that name among those that `buffer` has of `head`, if the name is a
    /// singleton. `None` for nearly every field, without comparing a name.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "every kind has its place in the table")]
    pub(super) fn first_value(
        &mut self,
        name: &[u8],
        head: &[u8],
        buffer: &HeadBufferBuilder,
    ) -> Option<Span> {
        let place = CANDIDATES[kind(name)];
        if place == 0 {
            return None;
        }
        let bit = 1 << place;
        let is_first = self.seen & bit == 0;
        self.seen |= bit;
        if is_first { None } else { self.find(place, name, head, buffer) }
    }

    #[cold]
    fn find(
        &mut self,
        place: u8,
        name: &[u8],
        head: &[u8],
        buffer: &HeadBufferBuilder,
    ) -> Option<Span> {
        let singleton = NAMES.get(usize::from(place).wrapping_sub(1))?;
        if !name.eq_ignore_ascii_case(singleton) {
            return None; // another name of the same kind
        }
        if let Some((_, value)) = self.found.iter().find(|(found, _)| *found == place) {
            return Some(*value);
        }
        let mut fields = buffer.fields();
        let first = fields.find(|field| {
            cost::count(name.len());
            field.name.of(head).eq_ignore_ascii_case(name)
        })?;
        self.found.push((place, first.value));
        Some(first.value)
    }
}
