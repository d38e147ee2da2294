//! The pending output of one connection, in order: copied bytes, held memory, parts of files.
//!
//! Small pieces are copied together, so that one call sends them. Large ones are held without a
//! copy. A writer takes the output out, so that no lock is held across a system call, and puts
//! back in front what the socket did not accept. What is in memory can be moved to a temporary file,
//! whoever owns that memory.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::Bytes;

use super::temp_files::{FilePart, OutputSpool, TempFiles};
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
    /// The memory of `rest`.
    rest_memory: u64,
    /// The file that output was last moved to.
    spool: Option<Box<OutputSpool>>,
}

/// A segment of output after `first`.
#[derive(Debug)]
pub(crate) enum Segment {
    /// Copied bytes.
    Copied(Vec<u8>),
    /// Memory owned by the application, or the rest of it.
    Held(HeldBytes),
    /// A part of a file.
    File(FilePart),
}

/// Memory that is held until its last byte has been sent.
#[derive(Debug)]
pub(crate) struct HeldBytes {
    rest: Bytes,
    /// The length of the whole memory, which stays until the last byte has been sent.
    whole: u64,
}

/// What may be written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Portion {
    /// What is in memory, up to the first file: reading that may wait for the disk.
    Memory,
    /// About so many bytes, files included.
    About(u64),
    /// Everything.
    All,
}

/// The result of a write.
#[derive(Debug)]
pub(crate) enum WriteResult {
    /// Everything was sent.
    All,
    /// The socket is full.
    Blocked,
    /// What may be written at once was sent.
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

    /// Whether there is anything that such a write would send.
    pub(crate) fn has_of(&self, portion: Portion) -> bool {
        self.first_sent < self.first.len()
            || match self.rest.front() {
                None => false,
                Some(Segment::File(_)) => portion != Portion::Memory,
                Some(Segment::Copied(_) | Segment::Held(_)) => true,
            }
    }

    /// The memory that waiting bytes take, including what has been sent of a piece that is held.
    pub(crate) fn memory_bytes(&self) -> u64 {
        (self.first.len() - self.first_sent) as u64 + self.rest_memory
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
        self.rest_memory -= buffer.len() as u64;
        let result = write(&mut buffer);
        self.push(Segment::Copied(buffer));
        result
    }

    /// Appends a segment. An empty one is dropped, so that there is always something to write.
    pub(crate) fn push(&mut self, segment: Segment) {
        if segment.len() > 0 {
            self.rest_bytes += segment.len();
            self.rest_memory += segment.memory();
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

    /// Moves what is in memory to a file. May block on the disk.
    ///
    /// # Errors
    /// A file cannot be written, or a budget is exhausted. Nothing is lost: what has not been moved stays
    /// in memory.
    pub(crate) fn spill(&mut self, temp_files: &TempFiles) -> io::Result<()> {
        let mut waiting = self.rest_bytes.saturating_sub(self.rest_memory);
        let mut moved = |spool: &mut Option<Box<OutputSpool>>, bytes: &[u8]| {
            let part = OutputSpool::append(spool, temp_files, bytes, waiting)?;
            waiting += part.remaining;
            io::Result::Ok(Segment::File(part))
        };
        if self.first_sent < self.first.len() {
            let part = moved(&mut self.spool, &self.first[self.first_sent..])?;
            self.rest_bytes += part.len();
            self.rest.push_front(part);
            self.first = Vec::new();
            self.first_sent = 0;
        }
        for segment in &mut self.rest {
            let memory = segment.memory();
            if let Some(bytes) = segment.as_slice() {
                *segment = moved(&mut self.spool, bytes)?;
                self.rest_memory -= memory;
            }
        }
        Ok(())
    }

    /// Writes until everything has been sent, the socket is full, the connection fails, or the portion
    /// has been sent.
    pub(crate) fn write_to(&mut self, stream: &Stream, portion: Portion) -> WriteResult {
        let before = self.len();
        loop {
            if !self.has_of(portion) {
                if !self.is_empty() {
                    return WriteResult::Paused;
                }
                self.spool = None; // here, because no lock is held
                return WriteResult::All;
            }
            let left = match portion {
                Portion::About(most) => most.saturating_sub(before - self.len()),
                Portion::Memory | Portion::All => u64::MAX,
            };
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
                // By this thread, which may wait for the disk: it frees the space.
                self.spool.take_if(|spool| spool.is_sent());
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
            self.rest_memory -= segment.memory();
            self.rest.pop_front();
        }
    }
}

impl Segment {
    /// Memory of the application, to be sent without a copy.
    pub(crate) fn held(bytes: Bytes) -> Self {
        let whole = bytes.len() as u64;
        Self::Held(HeldBytes { rest: bytes, whole })
    }

    fn len(&self) -> u64 {
        match self {
            Self::Copied(bytes) => bytes.len() as u64,
            Self::Held(held) => held.rest.len() as u64,
            Self::File(part) => part.remaining,
        }
    }

    /// The memory that it takes.
    fn memory(&self) -> u64 {
        match self {
            Self::Copied(bytes) => bytes.len() as u64,
            Self::Held(held) => held.whole,
            Self::File(_) => 0,
        }
    }

    /// The bytes, if they are in memory.
    fn as_slice(&self) -> Option<&[u8]> {
        match self {
            Self::Copied(bytes) => Some(bytes),
            Self::Held(held) => Some(&held.rest),
            Self::File(_) => None,
        }
    }

    /// Removes the first `count` bytes, which are not all.
    fn advance(&mut self, count: usize) {
        match self {
            Self::Copied(bytes) => {
                let whole = bytes.len() as u64;
                let rest = Bytes::from(std::mem::take(bytes)).slice(count..);
                *self = Self::Held(HeldBytes { rest, whole });
            }
            Self::Held(held) => held.rest = held.rest.slice(count..),
            Self::File(_) => {}
        }
    }
}

#[cfg(test)]
#[path = "tests/outbox.rs"]
mod tests;
