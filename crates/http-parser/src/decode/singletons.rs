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
    pub(super) fn is_repeated(&mut self, name: &[u8]) -> bool {
        let Some(bit) = bit(name) else { return false };
        let is_repeated = self.0 & bit != 0;
        self.0 |= bit;
        is_repeated
    }
}

/// The bit of a singleton. Comparing lengths first excludes most other names.
fn bit(name: &[u8]) -> Option<u32> {
    let candidates: &[(&str, u32)] = match name.len() {
        4 => &[("date", 1), ("from", 1 << 1)],
        5 => &[("range", 1 << 2)],
        6 => &[("origin", 1 << 3)], // RFC 6454 §7.3
        7 => &[("referer", 1 << 4)],
        8 => &[("if-range", 1 << 5)],
        10 => &[("user-agent", 1 << 6)],
        12 => &[("content-type", 1 << 7), ("max-forwards", 1 << 8)],
        13 => &[("authorization", 1 << 9), ("content-range", 1 << 10)],
        16 => &[("content-location", 1 << 11)],
        17 => &[("if-modified-since", 1 << 12)],
        19 => &[
            ("content-disposition", 1 << 13), // RFC 6266 §4.1
            ("if-unmodified-since", 1 << 14),
            ("proxy-authorization", 1 << 15),
        ],
        _ => return None,
    };
    candidates
        .iter()
        .find(|(candidate, _)| name.eq_ignore_ascii_case(candidate.as_bytes()))
        .map(|&(_, bit)| bit)
}
