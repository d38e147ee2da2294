//! Spans in the buffer of a head, so that its parts need not be copied.

/// A span of a head's buffer. Heads are shorter than 4 GiB (`HeadReader` enforces it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span of `length` bytes from `start` on.
    pub(crate) fn at(start: usize, length: usize) -> Self {
        Self { start: start as u32, end: (start + length) as u32 }
    }

    /// The span of `part`, which must be a subslice of `buffer`.
    pub(crate) fn within(buffer: &[u8], part: &[u8]) -> Self {
        if part.is_empty() {
            return Self::default(); // the position of an empty slice does not matter
        }
        Self::at(part.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr()), part.len())
    }

    /// The bytes of this span in `buffer`; empty if it lies outside.
    pub(crate) fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}
