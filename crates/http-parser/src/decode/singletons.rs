//! Fields that a request has once: their values are not lists, so two of them contradict each other
//! (RFC 9110 §5.2, §5.3).
//!
//! A recipient that joins them, takes the first or takes the last one sees another request than its
//! neighbour does: two media types, two credentials, two ranges. So two different values are
//! rejected. The same value twice means what it means once, and is passed on once. Host and
//! Content-Length have stricter rules of their own.

/// The singletons that have been seen in a head, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Singletons(u32);

impl Singletons {
    /// Whether `name` is a singleton that has been seen before.
    #[inline]
    pub(super) fn is_repeated(&mut self, name: &[u8]) -> bool {
        let Some((bit, spelling)) = candidate(name) else { return false };
        // Most clients use the usual spelling, and comparing bytes is cheaper than ignoring case.
        if name != spelling && !name.eq_ignore_ascii_case(spelling) {
            return false;
        }
        let is_repeated = self.0 & (1 << bit) != 0;
        self.0 |= 1 << bit;
        is_repeated
    }
}

/// The only singleton that `name` can be, by its length and first letter: its bit, and its usual
/// spelling.
#[inline]
fn candidate(name: &[u8]) -> Option<(u32, &'static [u8])> {
    let candidate: (u32, &[u8]) = match (name.len(), name.first()? | 0x20) {
        (4, b'd') => (0, b"Date"),
        (4, b'f') => (1, b"From"),
        (5, b'r') => (2, b"Range"),
        (6, b'o') => (3, b"Origin"), // RFC 6454 §7.3
        (7, b'r') => (4, b"Referer"),
        (8, b'i') => (5, b"If-Range"),
        (10, b'u') => (6, b"User-Agent"),
        (12, b'c') => (7, b"Content-Type"),
        (12, b'm') => (8, b"Max-Forwards"),
        (13, b'a') => (9, b"Authorization"),
        (13, b'c') => (10, b"Content-Range"),
        (16, b'c') => (11, b"Content-Location"),
        (17, b'i') => (12, b"If-Modified-Since"),
        (19, b'c') => (13, b"Content-Disposition"), // RFC 6266 §4.1
        (19, b'i') => (14, b"If-Unmodified-Since"),
        (19, b'p') => (15, b"Proxy-Authorization"),
        _ => return None,
    };
    Some(candidate)
}
