//! The pending output of one connection, in order: copied bytes, held memory, parts of files.
//!
//! Small pieces are copied together, so that one call sends them. Large ones are held without a
//! copy. A writer takes the output out, so that no lock is held across a system call, and puts
//! back in front what the socket did not accept.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;

use super::temp_files::{FilePart, OutputFile};
use crate::transport::send_file::{self, Failed};
use crate::transport::stream::Stream;

/// The output of a connection.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Sent first; usually, there is nothing else.
    first: Vec<u8>,
    /// The number of bytes of `first` that have been sent.
    first_sent: usize,
    /// Sent after it.
    rest: VecDeque<Segment>,
    /// Bytes in `rest`.
    rest_bytes: u64,
}

/// A segment of output after `first`.
#[derive(Debug)]
pub(crate) enum Segment {
    /// Copied bytes.
    Copied(Vec<u8>),
    /// Memory owned by the application.
    Held(Bytes),
    /// A part of a file.
    File(FilePart),
}

/// The result of a write.
#[derive(Debug)]
pub(crate) enum WriteResult {
    /// Everything was sent.
    All,
    /// The socket is full.
    Blocked,
    /// As much as allowed at once was sent.
    Paused,
    /// A file is shorter than it was when the response began.
    FileEnded {
        /// The number of missing bytes.
        missing: u64,
    },
    /// A file could not be read.
    FileFailed {
        /// The reason.
        error: io::Error,
        /// Its path, if known.
        file: Option<String>,
    },
    /// The connection failed.
    Broken(io::Error),
}

/// The maximum number of segments in one system call; more would not be faster.
const PIECES_PER_WRITE: usize = 16;

impl Outbox {
    /// Bytes waiting to be sent.
    pub(crate) fn len(&self) -> u64 {
        (self.first.len() - self.first_sent) as u64 + self.rest_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.first.len() == self.first_sent
    }

    /// Waiting bytes in copied memory: neither owned by the application nor in a file.
    pub(crate) fn copied_bytes(&self) -> u64 {
        let rest: usize = self.rest.iter().map(Segment::copied_bytes).sum();
        (self.first.len() - self.first_sent + rest) as u64
    }

    /// Waiting bytes in temporary files.
    pub(crate) fn spilt_bytes(&self) -> u64 {
        let spilt = self.rest.iter().filter_map(|segment| match segment {
            Segment::File(part) if part.source.claim.is_some() => Some(part.remaining),
            _ => None,
        });
        spilt.sum()
    }

    /// Lends the buffer at the end, to append to.
    pub(crate) fn append<R>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        if self.rest.is_empty() {
            if self.first_sent == self.first.len() {
                self.first.clear();
                self.first_sent = 0;
            }
            return write(&mut self.first);
        }
        let mut buffer = match self.rest.pop_back() {
            Some(Segment::Copied(buffer)) => buffer,
            Some(other) => {
                self.rest.push_back(other);
                Vec::new()
            }
            None => Vec::new(),
        };
        self.rest_bytes -= buffer.len() as u64;
        let result = write(&mut buffer);
        self.push(Segment::Copied(buffer));
        result
    }

    /// Appends a segment. An empty one is dropped, so that there is always something to write.
    pub(crate) fn push(&mut self, segment: Segment) {
        if segment.len() > 0 {
            self.rest_bytes += segment.len();
            self.rest.push_back(segment);
        }
    }

    /// Takes everything out, to be written without a lock.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Puts back output that could not be written, before output that was added since.
    pub(crate) fn put_back(&mut self, unsent: Self) {
        if unsent.is_empty() {
            return;
        }
        let newer = std::mem::replace(self, unsent);
        // Sent bytes are removed before they exceed the unsent ones. Otherwise, a client that is
        // always slightly behind would make the buffer as long as its whole response.
        if self.first_sent > self.first.len() / 2 {
            self.first.drain(..self.first_sent);
            self.first_sent = 0;
        }
        if newer.is_empty() {
            return;
        }
        if newer.first.len() > newer.first_sent {
            let mut bytes = newer.first;
            bytes.drain(..newer.first_sent);
            self.push(Segment::Copied(bytes));
        }
        for segment in newer.rest {
            self.push(segment);
        }
    }

    /// Moves copied bytes to `file`, which is empty, and replaces them by parts of that file. Returns
    /// the number of bytes moved. May block on the disk.
    ///
    /// # Errors
    /// The file cannot be written. Nothing is lost: the bytes stay in memory.
    pub(crate) fn spill(&mut self, file: &Arc<OutputFile>) -> io::Result<u64> {
        let mut offset = 0;
        if self.first_sent < self.first.len() {
            let part = written(file, offset, &self.first[self.first_sent..])?;
            offset += part.remaining;
            self.rest_bytes += part.remaining;
            self.rest.push_front(Segment::File(part));
            self.first = Vec::new();
            self.first_sent = 0;
        }
        for segment in &mut self.rest {
            if let Segment::Copied(bytes) = segment {
                let part = written(file, offset, bytes)?;
                offset += part.remaining;
                *segment = Segment::File(part);
            }
        }
        Ok(offset)
    }

    /// Writes until everything has been sent, the socket is full, the connection fails, or about
    /// `most` bytes have been sent.
    pub(crate) fn write_to(&mut self, stream: &Stream, most: u64) -> WriteResult {
        let before = self.len();
        loop {
            if self.is_empty() {
                return WriteResult::All;
            }
            let left = most.saturating_sub(before - self.len());
            if left == 0 {
                return WriteResult::Paused;
            }
            match self.write_once(stream, left) {
                Ok(0) => return self.nothing_written(),
                Ok(_) => {}
                Err(Failed::Socket(error) | Failed::File(error))
                    if error.kind() == io::ErrorKind::Interrupted => {}
                Err(Failed::Socket(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return WriteResult::Blocked;
                }
                Err(Failed::Socket(error)) => return WriteResult::Broken(error),
                Err(Failed::File(error)) => {
                    return WriteResult::FileFailed { error, file: self.name_of_file() };
                }
            }
        }
    }

    /// The path of the file that is sent next, if any.
    fn name_of_file(&self) -> Option<String> {
        match self.rest.front() {
            Some(Segment::File(part)) => send_file::name(&part.source.file),
            _ => None,
        }
    }

    /// The meaning of a write of zero bytes, which sockets never return for non-empty output.
    fn nothing_written(&self) -> WriteResult {
        match self.rest.front() {
            Some(Segment::File(part)) if self.first_sent == self.first.len() => {
                WriteResult::FileEnded { missing: part.remaining }
            }
            _ => WriteResult::Broken(io::ErrorKind::WriteZero.into()),
        }
    }

    fn write_once(&mut self, stream: &Stream, most: u64) -> Result<usize, Failed> {
        if self.rest.is_empty() {
            let count = stream.try_write(&[IoSlice::new(&self.first[self.first_sent..])])?;
            self.first_sent += count;
            return Ok(count);
        }
        if self.first_sent == self.first.len()
            && let Some(Segment::File(part)) = self.rest.front_mut()
        {
            let count = part.send(stream, most)?;
            self.rest_bytes -= count as u64;
            if part.remaining == 0 {
                self.rest.pop_front();
            }
            return Ok(count);
        }
        let mut pieces = Vec::with_capacity(PIECES_PER_WRITE);
        if self.first_sent < self.first.len() {
            pieces.push(IoSlice::new(&self.first[self.first_sent..]));
        }
        let memory = self.rest.iter().map_while(Segment::as_slice);
        pieces.extend(memory.take(PIECES_PER_WRITE - pieces.len()).map(IoSlice::new));
        let count = stream.try_write(&pieces)?;
        self.went(count);
        Ok(count)
    }

    /// Removes `count` sent bytes from the front.
    fn went(&mut self, count: usize) {
        let from_first = count.min(self.first.len() - self.first_sent);
        self.first_sent += from_first;
        let mut left = count - from_first;
        self.rest_bytes -= left as u64;
        while let Some(segment) = self.rest.front_mut() {
            let Some(length) = segment.as_slice().map(<[u8]>::len) else { break };
            if left < length {
                segment.advance(left);
                break;
            }
            left -= length;
            self.rest.pop_front();
        }
    }
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Self::Copied(bytes) => bytes.len() as u64,
            Self::Held(bytes) => bytes.len() as u64,
            Self::File(part) => part.remaining,
        }
    }

    fn copied_bytes(&self) -> usize {
        match self {
            Self::Copied(bytes) => bytes.len(),
            Self::Held(_) | Self::File(_) => 0,
        }
    }

    /// The bytes, if they are in memory.
    fn as_slice(&self) -> Option<&[u8]> {
        match self {
            Self::Copied(bytes) => Some(bytes),
            Self::Held(bytes) => Some(bytes),
            Self::File(_) => None,
        }
    }

    /// Removes the first `count` bytes, which are not all.
    fn advance(&mut self, count: usize) {
        match self {
            Self::Copied(bytes) => {
                *self = Self::Held(Bytes::from(std::mem::take(bytes)).slice(count..))
            }
            Self::Held(bytes) => *bytes = bytes.slice(count..),
            Self::File(_) => {}
        }
    }
}

/// Writes `bytes` to the end of `file`, and returns their position.
fn written(stored: &Arc<OutputFile>, offset: u64, bytes: &[u8]) -> io::Result<FilePart> {
    use std::io::Write as _;
    (&stored.file).write_all(bytes)?;
    Ok(FilePart { source: Arc::clone(stored), offset, remaining: bytes.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the outbox would send, in order.
    fn contents(outbox: &Outbox) -> Vec<u8> {
        let mut all = outbox.first[outbox.first_sent..].to_vec();
        for segment in &outbox.rest {
            all.extend_from_slice(segment.as_slice().unwrap_or(b"<file>"));
        }
        assert_eq!(outbox.len(), all.len() as u64);
        all
    }

    #[test]
    fn what_is_put_back_goes_before_what_has_come_since() {
        let mut outbox = Outbox::default();
        outbox.append(|bytes| bytes.extend_from_slice(b"one "));
        outbox.push(Segment::Held(Bytes::from_static(b"two ")));
        let mut taken = outbox.take();
        outbox.append(|bytes| bytes.extend_from_slice(b"three "));
        outbox.push(Segment::Held(Bytes::from_static(b"four")));
        taken.went(6);
        outbox.put_back(taken);
        assert_eq!(contents(&outbox), b"o three four");
    }

    #[test]
    fn a_client_that_is_always_behind_does_not_make_the_buffer_grow() {
        let mut outbox = Outbox::default();
        outbox.append(|bytes| bytes.extend_from_slice(&[b'x'; 1000]));
        for _ in 0..1000 {
            let mut taken = outbox.take();
            taken.went(900);
            outbox.append(|bytes| bytes.extend_from_slice(&[b'x'; 900]));
            outbox.put_back(taken);
            let held: usize = outbox.first.capacity()
                + outbox.rest.iter().map(Segment::copied_bytes).sum::<usize>();
            assert!(held < 4000, "{held} bytes are held for 1000");
        }
        assert_eq!(outbox.len(), 1000);
    }

    #[test]
    fn nothing_empty_is_ever_queued() {
        let mut outbox = Outbox::default();
        outbox.push(Segment::Held(Bytes::new()));
        outbox.push(Segment::Held(Bytes::from_static(b"x")));
        outbox.append(|_| ());
        assert_eq!((outbox.rest.len(), outbox.is_empty()), (1, false));
    }

    #[test]
    fn spilling_keeps_the_order_and_the_length() {
        let mut outbox = Outbox::default();
        outbox.append(|bytes| bytes.extend_from_slice(b"abc"));
        outbox.push(Segment::Held(Bytes::from_static(b"defg")));
        outbox.append(|bytes| bytes.extend_from_slice(b"hi"));
        let file =
            Arc::new(OutputFile { file: tempfile::tempfile().unwrap(), claim: None, owner: None });
        let spilt = outbox.spill(&file).unwrap();
        assert_eq!((spilt, outbox.len(), outbox.copied_bytes()), (5, 9, 0));
        let places: Vec<_> = outbox
            .rest
            .iter()
            .map(|segment| match segment {
                Segment::File(part) => (part.offset, part.remaining),
                other => (u64::MAX, other.len()),
            })
            .collect();
        assert_eq!(places, [(0, 3), (u64::MAX, 4), (3, 2)]);
    }
}
