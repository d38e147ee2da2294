//! Collects a request body: in memory while it is small, then in an unnamed file.
//!
//! The I/O thread never waits for a disk: a thread that may block writes the bytes, and the
//! connection is not read meanwhile. If the disk is full or not writable, the request is rejected;
//! the application never receives a partial body.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::sync::Arc;

use maitred_http_parser::exchange::{Body, Buffer};
use maitred_http_parser::message::BodyFraming;

use super::buffer_pool::BufferPool;
use super::temp_files::{DiskClaim, TempFiles};

/// Bytes written to disk at once.
const SPILL_BYTES: usize = 256 * 1024;

/// The maximum memory reserved for a declared length. A longer body grows as it arrives, so that a
/// declaration alone costs no memory.
const RESERVED_MAX: usize = 64 * 1024;

/// An arriving body.
#[derive(Debug)]
pub(crate) struct BodyBuffer {
    /// The body, or the part that is not in the file yet.
    pub(crate) memory: Vec<u8>,
    /// The pool to which the memory is returned.
    buffers: Arc<BufferPool>,
    file: Option<File>,
    claim: Option<DiskClaim>,
    length: u64,
    memory_max: usize,
}

impl BodyBuffer {
    /// The store of one body, of which up to `memory_max` bytes stay in memory.
    pub(crate) fn begin(temp_files: &TempFiles, framing: BodyFraming, memory_max: usize) -> Self {
        let memory = match framing {
            BodyFraming::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let reserved = length.min(RESERVED_MAX).min(memory_max.saturating_add(1));
                temp_files.buffers.take(reserved)
            }
            BodyFraming::None | BodyFraming::Chunked => Vec::new(),
        };
        let buffers = Arc::clone(&temp_files.buffers);
        Self { memory, buffers, file: None, claim: None, length: 0, memory_max }
    }

    /// Adds the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.memory.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
    }

    /// Reports that the caller has appended `count` bytes to `memory`.
    pub(crate) fn appended(&mut self, count: usize) {
        self.length += count as u64;
    }

    /// The number of bytes that may be appended to `memory` before it must be written to disk.
    pub(crate) fn room(&self) -> usize {
        let max = if self.file.is_some() { SPILL_BYTES } else { self.memory_max };
        max.saturating_add(1).saturating_sub(self.memory.len())
    }

    /// Whether memory must be written to disk.
    pub(crate) fn must_spill(&self) -> bool {
        self.room() == 0
    }

    /// Moves the bytes in memory to the file. It may block, so it must not run on the I/O thread.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn spill(mut self, temp_files: &TempFiles) -> io::Result<Self> {
        let count = self.memory.len() as u64;
        match &mut self.claim {
            Some(claim) => claim.grow(count)?,
            claim @ None => *claim = Some(temp_files.claim(count)?),
        }
        let file = match &mut self.file {
            Some(file) => file,
            file @ None => file.insert(temp_files.file()?),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(self)
    }

    /// Whether a complete body belongs in a file that `spill` must still complete.
    pub(crate) fn is_unfinished_file(&self) -> bool {
        !self.memory.is_empty() && (self.file.is_some() || self.must_spill())
    }

    /// The complete body, and its claim on the disk budget.
    ///
    /// # Errors
    /// The file cannot be rewound.
    pub(crate) fn finish(self) -> io::Result<(Body, Option<DiskClaim>)> {
        Ok(match self.file {
            Some(mut file) => {
                file.rewind()?;
                (Body::File { file, length: self.length }, self.claim)
            }
            None if self.memory.is_empty() => (Body::Empty, None),
            None => (Body::Memory(Buffer::lent(self.memory, self.buffers)), None),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::temp_files::DISK_BYTES_MAX;

    #[test]
    fn a_body_takes_of_the_budget_what_it_takes_of_the_disk() {
        let temp_files = TempFiles::new(None);
        let mut body = BodyBuffer::begin(&temp_files, BodyFraming::Chunked, 10);
        body.push(&[b'x'; 11]);
        assert!(body.must_spill());
        let mut body = body.spill(&temp_files).unwrap();
        body.push(&[b'x'; 5]);
        assert!(!body.must_spill(), "it need not write every byte by itself");
        assert!(body.is_unfinished_file());
        let (body, claim) = body.spill(&temp_files).unwrap().finish().unwrap();
        assert_eq!((body.len(), temp_files.disk_bytes()), (16, 16));
        drop(claim);
        assert_eq!(temp_files.disk_bytes(), 0);
    }

    #[test]
    fn a_body_that_no_budget_is_left_for_gives_back_what_it_had() {
        let temp_files = TempFiles::new(None);
        let others = temp_files.claim(DISK_BYTES_MAX - 12).unwrap();
        let mut body = BodyBuffer::begin(&temp_files, BodyFraming::Chunked, 10);
        body.push(&[b'x'; 12]);
        let mut body = body.spill(&temp_files).unwrap();
        body.push(b"x");
        assert!(body.spill(&temp_files).is_err());
        drop(others);
        assert_eq!(temp_files.disk_bytes(), 0);
    }

    #[test]
    fn a_declared_length_alone_takes_little_memory() {
        let temp_files = TempFiles::new(None);
        let body = BodyBuffer::begin(&temp_files, BodyFraming::Length(1 << 30), 1 << 30);
        assert!(body.memory.capacity() <= RESERVED_MAX);
    }
}
