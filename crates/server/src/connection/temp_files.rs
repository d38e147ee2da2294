//! Temporary files for what overflows memory, in both directions, with what they take of the disk and of
//! the descriptors.

use std::any::Any;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use maitred_http_parser::exchange::FileBody;

use super::budget::{ClientBudget, Direction, DiskClaim};
use super::buffer_pool::BufferPool;
use super::descriptors::{ClientDescriptor, ClientDescriptors};
use crate::system::error_text::describe;
use crate::transport::send_file::{self, Failed};
use crate::transport::stream::Stream;

/// Where bodies that do not fit in memory are stored.
#[derive(Debug)]
pub(crate) struct TempFiles {
    folder: Option<PathBuf>,
    pub(crate) budget: Arc<ClientBudget>,
    descriptors: Arc<ClientDescriptors>,
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

/// What a temporary file takes of the budgets; dropping it returns that.
#[derive(Debug)]
pub(crate) struct FileClaim {
    disk: DiskClaim,
    _descriptor: ClientDescriptor,
}

impl FileClaim {
    /// Claims `count` more bytes of the disk.
    ///
    /// # Errors
    /// See [`DiskClaim::grow`].
    pub(super) fn grow(&self, count: u64) -> io::Result<()> {
        self.disk.grow(count)
    }
}

/// A file of which parts are sent.
#[derive(Debug)]
pub(crate) struct OutputFile {
    pub(crate) file: File,
    origin: FileOrigin,
}

/// Where a file comes from, with what it holds until its last byte has been sent.
#[derive(Debug)]
enum FileOrigin {
    /// A temporary file of the server.
    Spool(FileClaim),
    /// The application, which has a descriptor of its own, and closes that when the owner is dropped.
    Application { _owner: Option<Box<dyn Any + Send + Sync>>, _descriptors: [ClientDescriptor; 2] },
}

impl OutputFile {
    /// A file that the application has given.
    pub(super) fn given(body: FileBody, descriptors: &Arc<ClientDescriptors>) -> Self {
        let origin = FileOrigin::Application {
            _owner: body.owner,
            _descriptors: [descriptors.take(), descriptors.take()],
        };
        Self { file: body.file, origin }
    }
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

/// The file to which a connection's output is appended.
#[derive(Debug)]
pub(crate) struct OutputSpool {
    target: Arc<OutputFile>,
    length: u64,
}

/// From this size on, a new file is begun, so that the space of what has been sent is returned.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

impl OutputSpool {
    /// Appends bytes. `waiting` is how many wait in files already: the more, the larger each file, so
    /// that they are few.
    ///
    /// # Errors
    /// The file cannot be created or written, or a budget is exhausted.
    pub(super) fn append(
        spool: &mut Option<Box<Self>>,
        temp_files: &TempFiles,
        bytes: &[u8],
        waiting: u64,
    ) -> io::Result<FilePart> {
        // What has been sent is never written over: the kernel may still send it from the file's own
        // pages (sendfile(2)). A file of which nothing waits any more is given up instead.
        let is_over = |spool: &Self| {
            let is_full = spool.length >= FILE_BYTES.max(waiting / 2);
            is_full || spool.is_sent()
        };
        if spool.as_deref().is_some_and(is_over) {
            *spool = None;
        }
        let spool = match spool {
            Some(spool) => spool,
            none => none.insert(Box::new(Self::begin(temp_files)?)),
        };
        spool.write(bytes)
    }

    /// Whether nothing in the file waits to be sent.
    pub(super) fn is_sent(&self) -> bool {
        Arc::strong_count(&self.target) == 1
    }

    fn begin(temp_files: &TempFiles) -> io::Result<Self> {
        let (file, claim) = temp_files.begin(Direction::Out)?;
        let target = Arc::new(OutputFile { file, origin: FileOrigin::Spool(claim) });
        Ok(Self { target, length: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<FilePart> {
        let (offset, count) = (self.length, bytes.len() as u64);
        if let FileOrigin::Spool(claim) = &self.target.origin {
            claim.grow(count)?;
        }
        // Counted before it is written: what has failed half-way is not written over, either.
        self.length += count;
        write_all_at(&self.target.file, bytes, offset)?;
        Ok(FilePart { source: Arc::clone(&self.target), offset, remaining: count })
    }
}

/// Writes at an explicit position: on some systems, sending a part moves that of the file.
#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

/// The same.
#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[count..];
        offset += count as u64;
    }
    Ok(())
}

impl TempFiles {
    pub(crate) fn new(
        folder: Option<PathBuf>,
        budget: Arc<ClientBudget>,
        descriptors: Arc<ClientDescriptors>,
    ) -> Self {
        Self { folder, budget, descriptors, buffers: Arc::default() }
    }

    /// Files in this directory, without limits.
    pub(crate) fn unlimited(folder: Option<PathBuf>) -> Self {
        let descriptors = Arc::new(ClientDescriptors::unlimited());
        Self::new(folder, Arc::new(ClientBudget::unlimited()), descriptors)
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

    /// A new unnamed file for a client, and its claim on the budgets.
    ///
    /// # Errors
    /// The directory does not exist or is not writable, or no descriptor is left for clients.
    pub(super) fn begin(&self, direction: Direction) -> io::Result<(File, FileClaim)> {
        if !self.descriptors.has_room() {
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                "no file descriptor is left for clients",
            ));
        }
        let file = self.file()?;
        let disk = DiskClaim::new(Arc::clone(&self.budget), direction);
        Ok((file, FileClaim { disk, _descriptor: self.descriptors.take() }))
    }

    fn file(&self) -> io::Result<File> {
        match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(disk_max: u64) -> TempFiles {
        let budget = Arc::new(ClientBudget::new(0, disk_max));
        TempFiles::new(None, budget, Arc::new(ClientDescriptors::unlimited()))
    }

    fn append(
        spool: &mut Option<Box<OutputSpool>>,
        temp_files: &TempFiles,
        count: usize,
    ) -> FilePart {
        OutputSpool::append(spool, temp_files, &vec![b'x'; count], 0).unwrap()
    }

    #[test]
    fn output_is_appended_to_one_file_while_some_of_it_waits() {
        let temp_files = files(100);
        let mut spool = None;
        let (first, second) =
            (append(&mut spool, &temp_files, 60), append(&mut spool, &temp_files, 40));
        assert_eq!((first.offset, second.offset), (0, 60));
        assert!(Arc::ptr_eq(&first.source, &second.source));
        assert!(OutputSpool::append(&mut spool, &temp_files, b"x", 0).is_err());
        let length = |part: &FilePart| part.source.file.metadata().unwrap().len();
        assert_eq!(length(&first), 100);
        drop((first, second));
        let again = append(&mut spool, &temp_files, 50);
        assert_eq!(again.offset, 0);
        assert_eq!(
            length(&again),
            50,
            "another file: nothing that may still be sent is written over"
        );
        assert_eq!(temp_files.budget.disk_bytes(Direction::Out), 50);
        drop((spool, again));
        assert_eq!(temp_files.budget.disk_bytes(Direction::Out), 0);
    }

    #[test]
    fn a_file_that_has_grown_large_is_followed_by_another() {
        let temp_files = files(u64::MAX);
        let mut spool = None;
        let first = append(&mut spool, &temp_files, usize::try_from(FILE_BYTES).unwrap());
        let second = append(&mut spool, &temp_files, 10);
        assert_eq!(second.offset, 0);
        drop(first);
        assert_eq!(temp_files.budget.disk_bytes(Direction::Out), 10, "the first one is gone");
        let third = OutputSpool::append(&mut spool, &temp_files, b"x", u64::MAX).unwrap();
        assert!(Arc::ptr_eq(&second.source, &third.source), "when much waits, files are larger");
    }
}
