//! Temporary files for what overflows memory, in both directions, and their budget.

use std::any::Any;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::buffer_pool::BufferPool;
use crate::system::error_text::describe;
use crate::transport::send_file::{self, Failed};
use crate::transport::stream::Stream;

/// Where bodies that do not fit in memory are stored, and their total size.
#[derive(Debug)]
pub(crate) struct TempFiles {
    folder: Option<PathBuf>,
    /// Bytes in files, of all connections and both directions.
    on_disk: Arc<AtomicU64>,
    /// Reusable memory of earlier bodies.
    pub(crate) buffers: Arc<BufferPool>,
}

/// No file can be created in `temp-dir`.
#[derive(Debug, thiserror::Error)]
#[error("cannot create files in the `temp-dir` {folder}: {reason}")]
pub struct TempDirError {
    /// The setting.
    pub folder: String,
    /// The system's error.
    pub reason: String,
}

/// The disk budget: the maximum bytes in temporary files, of all connections and both directions. It
/// keeps the server from filling up a disk that other programs need, too.
pub(super) const DISK_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

/// A file of which parts are sent.
#[derive(Debug)]
pub(crate) struct OutputFile {
    pub(crate) file: File,
    /// Its claim on the disk budget, if it is a temporary file of the server.
    pub(crate) claim: Option<DiskClaim>,
    /// What the application wants to be dropped when all has been sent.
    #[expect(dead_code, reason = "its end is what counts")]
    pub(crate) owner: Option<Box<dyn Any + Send + Sync>>,
}

/// The part of a file that is still to be sent.
#[derive(Debug)]
pub(crate) struct FilePart {
    pub(crate) source: Arc<OutputFile>,
    pub(crate) offset: u64,
    pub(crate) remaining: u64,
}

impl FilePart {
    /// Sends as much as the socket accepts at once, at most `most` bytes. `Ok(0)` means that the file
    /// is shorter than it was when the response began.
    ///
    /// # Errors
    /// The errors of the file or of the socket.
    pub(super) fn send(&mut self, stream: &Stream, most: u64) -> Result<usize, Failed> {
        let length = self.remaining.min(most);
        let count = send_file::send(stream, &self.source.file, self.offset, length)?;
        self.offset += count as u64;
        self.remaining -= count as u64;
        Ok(count)
    }
}

impl TempFiles {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, on_disk: Arc::default(), buffers: Arc::default() }
    }

    /// Checks whether files can be created, before a body needs one. If the default directory does
    /// not work, only a warning is logged, because not every application has large bodies.
    ///
    /// # Errors
    /// No file can be created in the configured `temp-dir`.
    pub(crate) fn try_out(&self) -> Result<(), TempDirError> {
        let Err(error) = self.file() else { return Ok(()) };
        let reason = describe(&error);
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

    /// A new unnamed file.
    ///
    /// # Errors
    /// The directory does not exist or is not writable.
    pub(crate) fn file(&self) -> io::Result<File> {
        match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }
    }

    /// A new file for `count` bytes of output, with their claim on the disk budget.
    ///
    /// # Errors
    /// See [`TempFiles::file`] and [`TempFiles::claim`].
    pub(crate) fn store(&self, count: u64) -> io::Result<OutputFile> {
        let claim = self.claim(count)?;
        Ok(OutputFile { file: self.file()?, claim: Some(claim), owner: None })
    }

    /// Claims `count` bytes of the disk budget; dropping the claim returns them.
    ///
    /// # Errors
    /// The budget is exhausted.
    pub(crate) fn claim(&self, count: u64) -> io::Result<DiskClaim> {
        let mut claim = DiskClaim { on_disk: Arc::clone(&self.on_disk), bytes: 0 };
        claim.grow(count)?;
        Ok(claim)
    }
}

/// Claimed bytes of the disk budget.
#[derive(Debug)]
pub(crate) struct DiskClaim {
    on_disk: Arc<AtomicU64>,
    bytes: u64,
}

impl DiskClaim {
    /// Claims `count` more bytes.
    ///
    /// # Errors
    /// The budget is exhausted.
    pub(super) fn grow(&mut self, count: u64) -> io::Result<()> {
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

impl Drop for DiskClaim {
    fn drop(&mut self) {
        self.on_disk.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_budget_is_one_for_all_and_is_given_back() {
        let temp_files = TempFiles::new(None);
        let first = temp_files.claim(DISK_BYTES_MAX - 1).unwrap();
        let second = temp_files.claim(1).unwrap();
        assert_eq!(temp_files.claim(1).unwrap_err().kind(), io::ErrorKind::StorageFull);
        drop(second);
        let stored = temp_files.store(1).unwrap();
        assert!(temp_files.store(1).is_err());
        drop((first, stored));
        assert_eq!(temp_files.disk_bytes(), 0);
    }
}
