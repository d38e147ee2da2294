//! The memory of a request head: its bytes as received, followed by the spans of its fields.
//!
//! It is a single allocation, because a head is allocated on one thread and freed on another, which
//! costs an allocator more than the bytes do.

use super::span::Span;

/// The spans of the name and the value of a field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name, as received.
    pub(crate) name: Span,
    /// The value, trimmed of SP and HTAB.
    pub(crate) value: Span,
}

/// A [`Field`] as bytes: four `u32`.
const FIELD_BYTES: usize = 16;

impl Field {
    fn to_bytes(self) -> [u8; FIELD_BYTES] {
        let Self { name, value } = self;
        let mut bytes = [0; FIELD_BYTES];
        let (words, _) = bytes.as_chunks_mut::<4>();
        for (word, offset) in words.iter_mut().zip([name.start, name.end, value.start, value.end]) {
            *word = offset.to_ne_bytes();
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; FIELD_BYTES]) -> Self {
        let offset =
            |word: usize| bytes.as_chunks::<4>().0.get(word).copied().map_or(0, u32::from_ne_bytes);
        let span = |word| Span { start: offset(word), end: offset(word + 1) };
        Self { name: span(0), value: span(2) }
    }
}

/// The bytes of a head, and the spans of its fields.
#[derive(Debug)]
pub(crate) struct HeadBuffer {
    bytes: Box<[u8]>,
    /// The offset where the head ends and the spans begin.
    head_bytes: usize,
}

impl HeadBuffer {
    /// The bytes of `span`; empty if it lies outside the head.
    pub(crate) fn slice(&self, span: Span) -> &[u8] {
        span.of(&self.bytes)
    }

    /// The head as it was received, without a field that was added to it: every line of a head ends
    /// in LF, and an added name is no line.
    pub(crate) fn received(&self) -> &[u8] {
        let head = self.bytes.get(..self.head_bytes).unwrap_or_default();
        let end = head.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        head.get(..end).unwrap_or_default()
    }

    /// The fields, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        fields(&self.bytes, self.head_bytes)
    }

    /// Its size in memory, in bytes.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes.len()
    }
}

/// The fields whose spans begin at this offset.
fn fields(bytes: &[u8], head_bytes: usize) -> impl Iterator<Item = Field> {
    let places = bytes.get(head_bytes..).unwrap_or_default();
    places.as_chunks::<FIELD_BYTES>().0.iter().map(Field::from_bytes)
}

/// Fills a [`HeadBuffer`].
#[derive(Debug)]
pub(crate) struct HeadBufferBuilder {
    bytes: Vec<u8>,
    head_bytes: usize,
}

impl HeadBufferBuilder {
    /// Starts with the bytes of `head`, and capacity for this many fields.
    pub(crate) fn new(head: &[u8], fields: usize) -> Self {
        let mut bytes = Vec::with_capacity(head.len() + fields * FIELD_BYTES);
        bytes.extend_from_slice(head);
        Self { bytes, head_bytes: head.len() }
    }

    /// Adds a field of the head.
    pub(crate) fn push(&mut self, field: Field) {
        self.bytes.extend_from_slice(&field.to_bytes());
    }

    /// The fields that have been added so far, in order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        fields(&self.bytes, self.head_bytes)
    }

    /// Adds a field that was not received: its name is stored after the head, and it has no value.
    pub(crate) fn push_absent(&mut self, name: &[u8]) {
        let place = Span::at(self.head_bytes, name.len());
        self.bytes.splice(self.head_bytes..self.head_bytes, name.iter().copied());
        self.head_bytes += name.len();
        self.push(Field { name: place, value: Span::default() });
    }

    pub(crate) fn finish(self) -> HeadBuffer {
        HeadBuffer { bytes: self.bytes.into(), head_bytes: self.head_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_were_pushed() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n";
        let host = Field { name: Span::at(16, 4), value: Span::at(22, 1) };
        let other = Field { name: Span::at(25, 1), value: Span::at(28, 1) };
        let mut builder = HeadBufferBuilder::new(head, 2);
        builder.push(host);
        builder.push(other);
        let buffer = builder.finish();
        assert_eq!(buffer.fields().collect::<Vec<_>>(), [host, other]);
        assert_eq!((buffer.slice(host.name), buffer.slice(other.value)), (&b"Host"[..], &b"b"[..]));
        assert_eq!(buffer.held_bytes(), head.len() + 32);
    }

    #[test]
    fn an_absent_field_comes_after_those_that_were_received() {
        let received = Field { name: Span::at(0, 1), value: Span::at(2, 1) };
        let mut builder = HeadBufferBuilder::new(b"X:y", 1);
        builder.push(received);
        builder.push_absent(b"Host");
        let buffer = builder.finish();
        let fields: Vec<_> = buffer
            .fields()
            .map(|field| (buffer.slice(field.name), buffer.slice(field.value)))
            .collect();
        assert_eq!(fields, [(&b"X"[..], &b"y"[..]), (b"Host", b"")]);
    }
}
