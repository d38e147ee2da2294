//! Collects a request body: in memory while it is small, then in an unnamed file.
//!
//! The I/O thread never waits for a disk: a thread that may block writes the bytes, and the
//! connection is not read meanwhile. If the disk is full or not writable, the request is rejected;
//! the application never receives a partial body.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use maitred_http_parser::exchange::{Body, Buffer};
use maitred_http_parser::message::BodyFraming;

use crate::buffers::Buffers;
use crate::outbox::Stored;
use crate::system_error::in_words;

/// Where overflowing bodies go, and how much of them there is.
#[derive(Debug)]
pub(crate) struct Spooling {
    folder: Option<PathBuf>,
    /// Bytes of one body kept in memory; one of this length is.
    memory_max: usize,
    /// Bytes in files, of all connections and both directions.
    on_disk: Arc<AtomicU64>,
    /// Memory of bodies that came before.
    pub(crate) buffers: Arc<Buffers>,
}

/// No file can be kept in `temp-dir`.
#[derive(Debug, thiserror::Error)]
#[error("cannot create files in the `temp-dir` {folder}: {reason}")]
pub struct TempDirError {
    /// The setting.
    pub folder: String,
    /// What the system says.
    pub reason: String,
}

/// Bytes in temporary files at once, of all connections and both directions: a bound against a
/// disk that fills up, which would hurt others than this server.
const DISK_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// Bytes handed to the disk at once: large enough to be cheap, small enough to hold many.
const SPILL_BYTES: usize = 256 * 1024;

/// Memory reserved at once for a body whose length was declared; a longer one grows as it comes,
/// so that a declaration alone costs the server nothing.
const RESERVED_MAX: usize = 64 * 1024;

impl Spooling {
    pub(crate) fn new(folder: Option<PathBuf>, memory_max: usize) -> Self {
        Self { folder, memory_max, on_disk: Arc::default(), buffers: Arc::default() }
    }

    /// Finds out whether files can be kept, before a body needs one. Only a folder that somebody
    /// chose is a mistake: not every application has bodies that overflow memory.
    ///
    /// # Errors
    /// There can be none in the folder of the settings.
    pub(crate) fn try_out(&self) -> Result<(), TempDirError> {
        let Err(error) = self.file() else { return Ok(()) };
        let reason = in_words(&error);
        match &self.folder {
            Some(folder) => Err(TempDirError { folder: folder.display().to_string(), reason }),
            None => {
                tracing::warn!(
                    target: "maitred",
                    "cannot create files in the system's temporary directory ({reason}): bodies \
                     that do not fit in memory will be rejected; set `temp-dir`"
                );
                Ok(())
            }
        }
    }

    /// Bytes in temporary files now.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.on_disk.load(Ordering::Relaxed)
    }

    /// A new file without a name.
    ///
    /// # Errors
    /// The folder does not exist or cannot be written.
    pub(crate) fn file(&self) -> io::Result<File> {
        match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }
    }

    /// A new file for `count` bytes of output, and the budget for them.
    ///
    /// # Errors
    /// As for [`Spooling::file`] and [`Spooling::claim`].
    pub(crate) fn store(&self, count: u64) -> io::Result<Stored> {
        let claim = self.claim(count)?;
        Ok(Stored { file: self.file()?, claim: Some(claim) })
    }

    /// Takes `count` bytes of the budget; they are given back when the claim is dropped.
    ///
    /// # Errors
    /// There is no room for them.
    pub(crate) fn claim(&self, count: u64) -> io::Result<Claim> {
        let mut claim = Claim { on_disk: Arc::clone(&self.on_disk), bytes: 0 };
        claim.grow(count)?;
        Ok(claim)
    }

    /// The store of one body.
    pub(crate) fn begin(&self, framing: BodyFraming) -> Spool {
        let memory = match framing {
            BodyFraming::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let reserved = length.min(RESERVED_MAX).min(self.memory_max.saturating_add(1));
                self.buffers.take(reserved)
            }
            BodyFraming::None | BodyFraming::Chunked => Vec::new(),
        };
        let memory_max = self.memory_max;
        let buffers = Arc::clone(&self.buffers);
        Spool { memory, buffers, file: None, claim: None, length: 0, memory_max }
    }
}

/// Bytes of the disk budget.
#[derive(Debug)]
pub(crate) struct Claim {
    on_disk: Arc<AtomicU64>,
    bytes: u64,
}

impl Claim {
    fn grow(&mut self, count: u64) -> io::Result<()> {
        let before = self.on_disk.fetch_add(count, Ordering::Relaxed);
        self.bytes += count;
        if before.saturating_add(count) > DISK_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the server's budget for temporary files is used up",
            ));
        }
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.on_disk.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// One body on its way in.
#[derive(Debug)]
pub(crate) struct Spool {
    /// All of it, or the part that is not in the file yet.
    pub(crate) memory: Vec<u8>,
    /// Where that memory goes when the body is not needed any more.
    buffers: Arc<Buffers>,
    file: Option<File>,
    claim: Option<Claim>,
    length: u64,
    memory_max: usize,
}

impl Spool {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.memory.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
    }

    /// `count` bytes have been appended to `memory` by somebody else.
    pub(crate) fn appended(&mut self, count: usize) {
        self.length += count as u64;
    }

    /// How many bytes may be appended to `memory` before it must be spilt.
    pub(crate) fn room(&self) -> usize {
        let max = if self.file.is_some() { SPILL_BYTES } else { self.memory_max };
        max.saturating_add(1).saturating_sub(self.memory.len())
    }

    /// Whether there is more in memory than should be.
    pub(crate) fn must_spill(&self) -> bool {
        self.room() == 0
    }

    /// Moves what is in memory to the file. Blocks: not for the I/O thread.
    ///
    /// # Errors
    /// As the disk has it.
    pub(crate) fn spill(mut self, spooling: &Spooling) -> io::Result<Self> {
        let count = self.memory.len() as u64;
        match &mut self.claim {
            Some(claim) => claim.grow(count)?,
            claim @ None => *claim = Some(spooling.claim(count)?),
        }
        let file = match &mut self.file {
            Some(file) => file,
            file @ None => file.insert(spooling.file()?),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(self)
    }

    /// Whether the body, which is complete, ends up in a file that `spill` has still to complete.
    pub(crate) fn is_unfinished_file(&self) -> bool {
        !self.memory.is_empty() && (self.file.is_some() || self.must_spill())
    }

    /// The body, complete, and the claim on the disk that lasts as long as it is needed.
    ///
    /// # Errors
    /// The file cannot be wound back to its start.
    pub(crate) fn finish(self) -> io::Result<(Body, Option<Claim>)> {
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

    #[test]
    fn the_disk_budget_is_one_for_all_and_is_given_back() {
        let spooling = Spooling::new(None, 10);
        let first = spooling.claim(DISK_BYTES_MAX - 1).unwrap();
        let second = spooling.claim(1).unwrap();
        assert_eq!(spooling.claim(1).unwrap_err().kind(), io::ErrorKind::StorageFull);
        drop(second);
        let stored = spooling.store(1).unwrap();
        assert!(spooling.store(1).is_err());
        drop((first, stored));
        assert_eq!(spooling.disk_bytes(), 0);
    }

    #[test]
    fn a_body_takes_of_the_budget_what_it_takes_of_the_disk() {
        let spooling = Spooling::new(None, 10);
        let mut spool = spooling.begin(BodyFraming::Chunked);
        spool.push(&[b'x'; 11]);
        assert!(spool.must_spill());
        let mut spool = spool.spill(&spooling).unwrap();
        spool.push(&[b'x'; 5]);
        assert!(!spool.must_spill(), "it need not write every byte by itself");
        assert!(spool.is_unfinished_file());
        let (body, claim) = spool.spill(&spooling).unwrap().finish().unwrap();
        assert_eq!((body.len(), spooling.disk_bytes()), (16, 16));
        drop(claim);
        assert_eq!(spooling.disk_bytes(), 0);
    }

    #[test]
    fn a_body_that_no_budget_is_left_for_gives_back_what_it_had() {
        let spooling = Spooling::new(None, 10);
        let others = spooling.claim(DISK_BYTES_MAX - 12).unwrap();
        let mut spool = spooling.begin(BodyFraming::Chunked);
        spool.push(&[b'x'; 12]);
        let mut spool = spool.spill(&spooling).unwrap();
        spool.push(b"x");
        assert!(spool.spill(&spooling).is_err());
        drop(others);
        assert_eq!(spooling.disk_bytes(), 0);
    }

    #[test]
    fn a_declared_length_alone_takes_little_memory() {
        let spooling = Spooling::new(None, 1 << 30);
        let spool = spooling.begin(BodyFraming::Length(1 << 30));
        assert!(spool.memory.capacity() <= RESERVED_MAX);
    }
}
