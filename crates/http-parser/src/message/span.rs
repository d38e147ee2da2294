//! Places in the buffer of a head: its parts are named by where they are, and copied nowhere.

/// A place in a head's buffer. Heads are shorter than 4 GiB (`Limits::head_bytes`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The place of `length` bytes from `start` on.
    pub(crate) fn at(start: usize, length: usize) -> Self {
        Self { start: start as u32, end: (start + length) as u32 }
    }

    /// The place of `part` in `buffer`, of which it is a part.
    pub(crate) fn within(buffer: &[u8], part: &[u8]) -> Self {
        if part.is_empty() {
            return Self::default(); // an empty part may be anywhere
        }
        Self::at(part.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr()), part.len())
    }

    /// The bytes of `buffer` that this names; nothing when it lies outside.
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}
