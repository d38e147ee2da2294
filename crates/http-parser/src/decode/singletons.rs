//! Fields that a request has once: their values are not lists, so two of them contradict each other
//! (RFC 9110 §5.2, §5.3).
//!
//! A recipient that joins them, takes the first or takes the last one sees another request than its
//! neighbour does: two media types, two credentials, two ranges. So two different values are
//! rejected. The same value twice means what it means once, and is passed on once. Host and
//! Content-Length have stricter rules of their own.

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

/// The singletons that may have been seen in a head, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Singletons(u32);

impl Singletons {
    /// Whether `name` is a singleton and may have been seen before: then it is worth a search. False
    /// for nearly every field, without comparing a name.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "every kind has its place in the table")]
    pub(super) fn may_be_repeated(&mut self, name: &[u8]) -> bool {
        let place = CANDIDATES[kind(name)];
        if place == 0 {
            return false;
        }
        let bit = 1 << place;
        let is_first = self.0 & bit == 0;
        self.0 |= bit;
        !is_first && is_named(name, place)
    }
}

/// Whether `name` is the singleton in this place of [`NAMES`], counted from 1.
#[cold]
fn is_named(name: &[u8], place: u8) -> bool {
    let singleton = NAMES.get(usize::from(place).wrapping_sub(1));
    singleton.is_some_and(|singleton| name.eq_ignore_ascii_case(singleton))
}
