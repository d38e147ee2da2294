//! Collects a request body: in memory while it is small, then in an unnamed file.
//!
//! The I/O thread never waits for a disk: a thread that may block writes the bytes, and the
//! connection is not read meanwhile. If the disk is full or not writable, the request is rejected;
//! the application never receives a partial body. While all clients together hold too much memory, a
//! body goes to its file as it comes.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::num::NonZeroUsize;
use std::sync::Arc;

use maitred_http_parser::exchange::{Body, Buffer};
use maitred_http_parser::message::BodyFraming;

use super::budget::{ClientBudget, Direction};
use super::buffer_pool::BufferPool;
use super::temp_files::{FileClaim, TempFiles};

/// Bytes written to disk at once.
const SPILL_BYTES: usize = 256 * 1024;

/// The same while memory is short. Smaller bodies stay in memory even then.
const SPILL_BYTES_WHEN_SHORT: usize = 16 * 1024;

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
    budget: Arc<ClientBudget>,
    file: Option<(File, FileClaim)>,
    length: u64,
    memory_max: usize,
}

impl BodyBuffer {
    /// The store of one body, of which up to `memory_max` bytes stay in memory.
    pub(crate) fn begin(temp_files: &TempFiles, framing: BodyFraming, memory_max: usize) -> Self {
        let memory = match framing {
            BodyFraming::Length(length) if !temp_files.budget.is_memory_short() => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let reserved = length.min(RESERVED_MAX).min(memory_max.saturating_add(1));
                temp_files.buffers.take(reserved)
            }
            BodyFraming::Length(_) | BodyFraming::None | BodyFraming::Chunked => Vec::new(),
        };
        let (buffers, budget) = (Arc::clone(&temp_files.buffers), Arc::clone(&temp_files.budget));
        Self { memory, buffers, budget, file: None, length: 0, memory_max }
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

    /// The number of bytes that may be appended to `memory` before it must be written to disk; `None` if
    /// it must be now. It changes with what other connections hold.
    pub(crate) fn room(&self) -> Option<NonZeroUsize> {
        let max = if self.file.is_some() { SPILL_BYTES } else { self.memory_max };
        let max = if self.budget.is_memory_short() { max.min(SPILL_BYTES_WHEN_SHORT) } else { max };
        NonZeroUsize::new(max.saturating_add(1).saturating_sub(self.memory.len()))
    }

    /// Whether memory must be written to disk.
    pub(crate) fn must_spill(&self) -> bool {
        self.room().is_none()
    }

    /// Moves the bytes in memory to the file. It may block, so it must not run on the I/O thread.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn spill(mut self, temp_files: &TempFiles) -> io::Result<Self> {
        let (file, claim) = match &mut self.file {
            Some(file) => file,
            file @ None => file.insert(temp_files.begin(Direction::In)?),
        };
        claim.grow(self.memory.len() as u64)?;
        file.write_all(&self.memory)?;
        if self.budget.is_memory_short() {
            self.memory = Vec::new();
        } else {
            self.memory.clear();
        }
        Ok(self)
    }

    /// Whether a complete body belongs in a file that `spill` must still complete.
    pub(crate) fn is_unfinished_file(&self) -> bool {
        !self.memory.is_empty() && (self.file.is_some() || self.must_spill())
    }

    /// The complete body, and the claim of its file.
    ///
    /// # Errors
    /// The file cannot be rewound.
    pub(crate) fn finish(self) -> io::Result<(Body, Option<FileClaim>)> {
        Ok(match self.file {
            Some((mut file, claim)) => {
                file.rewind()?;
                (Body::File { file, length: self.length }, Some(claim))
            }
            None if self.memory.is_empty() => (Body::Empty, None),
            None => (Body::Memory(Buffer::lent(self.memory, self.buffers)), None),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::budget::HeldMemory;
    use crate::connection::descriptors::ClientDescriptors;

    fn files(memory_max: u64, disk_max: u64) -> TempFiles {
        let budget = Arc::new(ClientBudget::new(memory_max, disk_max));
        TempFiles::new(None, budget, Arc::new(ClientDescriptors::unlimited()))
    }

    fn on_disk(temp_files: &TempFiles) -> u64 {
        temp_files.budget.disk_bytes(Direction::In)
    }

    #[test]
    fn a_body_takes_of_the_budget_what_it_takes_of_the_disk() {
        let temp_files = files(u64::MAX, 16);
        let mut body = BodyBuffer::begin(&temp_files, BodyFraming::Chunked, 10);
        body.push(&[b'x'; 11]);
        assert!(body.must_spill());
        let mut body = body.spill(&temp_files).unwrap();
        body.push(&[b'x'; 5]);
        assert!(!body.must_spill(), "it need not write every byte by itself");
        assert!(body.is_unfinished_file());
        let (body, claim) = body.spill(&temp_files).unwrap().finish().unwrap();
        assert_eq!((body.len(), on_disk(&temp_files)), (16, 16));
        drop(claim);
        assert_eq!(on_disk(&temp_files), 0);
    }

    #[test]
    fn a_body_that_no_budget_is_left_for_gives_back_what_it_had() {
        let temp_files = files(u64::MAX, 12);
        let mut body = BodyBuffer::begin(&temp_files, BodyFraming::Chunked, 10);
        body.push(&[b'x'; 12]);
        let mut body = body.spill(&temp_files).unwrap();
        body.push(b"x");
        assert!(body.spill(&temp_files).is_err());
        assert_eq!(on_disk(&temp_files), 0);
    }

    #[test]
    fn a_declared_length_alone_takes_little_memory() {
        let temp_files = TempFiles::unlimited(None);
        let body = BodyBuffer::begin(&temp_files, BodyFraming::Length(1 << 30), 1 << 30);
        assert!(body.memory.capacity() <= RESERVED_MAX);
    }

    #[test]
    fn while_memory_is_short_a_body_holds_next_to_none() {
        let temp_files = files(100_000, u64::MAX);
        let mut others = HeldMemory::new(Arc::clone(&temp_files.budget));
        let mut body = BodyBuffer::begin(&temp_files, BodyFraming::Chunked, 500_000);
        body.push(&[b'x'; 50_000]);
        assert!(!body.must_spill());
        others.set_output(100_001);
        assert!(body.must_spill());
        let body = body.spill(&temp_files).unwrap();
        assert_eq!((body.memory.capacity(), on_disk(&temp_files)), (0, 50_000));
        assert_eq!(body.room(), NonZeroUsize::new(SPILL_BYTES_WHEN_SHORT + 1));
        others.set_output(0);
        assert!(body.room() > NonZeroUsize::new(SPILL_BYTES));
        let declared = BodyFraming::Length(400_000);
        others.set_output(100_001);
        assert_eq!(BodyBuffer::begin(&temp_files, declared, 500_000).memory.capacity(), 0);
    }
}
