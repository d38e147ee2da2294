//! Memory that several processes map: the board, and the pads for stacks.
//!
//! It is a file without a name (`unnamed_file`), of a size that nobody can change.
//!
//! Its content is only ever seen as atomic words: another process may write each of them at any
//! time, so nothing else could be read without a data race.

use std::io::{self, Seek as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use super::unnamed_file;

/// The most that is mapped: a thousand workers with every counter need less than a gigabyte, of
/// which only the pages that are used exist.
const BYTES_MAX: u64 = 4 << 30;

const WORD: usize = size_of::<AtomicU64>();

/// A mapping that is shared with other processes.
#[derive(Debug)]
pub struct SharedMemory {
    file: OwnedFd,
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the mapping lives as long as the value, belongs to no thread, and is only seen as atomics.
unsafe impl Send for SharedMemory {}

// SAFETY: as above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Creates memory of this many words, all of them 0. `folder` is for the file where the system
    /// has no unnamed memory.
    ///
    /// # Errors
    /// There is neither memory nor a file.
    pub fn create(words: usize, folder: &Path) -> io::Result<Self> {
        let bytes = words.checked_mul(WORD).and_then(|bytes| u64::try_from(bytes).ok());
        let bytes = bytes.filter(|&bytes| bytes > 0 && bytes <= BYTES_MAX);
        let bytes = bytes.ok_or(io::ErrorKind::InvalidInput)?;
        let file = unnamed_file::create(folder)?;
        file.set_len(bytes)?;
        seal(&file);
        Self::attach(file.into())
    }

    /// Maps memory that another process has created.
    ///
    /// # Errors
    /// It is no such memory, or it cannot be mapped.
    pub fn attach(file: OwnedFd) -> io::Result<Self> {
        let bytes = std::fs::File::from(file.try_clone()?).metadata()?.len();
        if bytes == 0 || bytes > BYTES_MAX || bytes % WORD as u64 != 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        let start = map(file.as_fd(), bytes)?;
        Ok(Self { file, start, words: bytes / WORD })
    }

    /// Makes all words 0, and the beginning of the file the place where whoever has it writes next.
    ///
    /// # Errors
    /// The file has no such place.
    pub fn begin_anew(&self) -> io::Result<()> {
        self.words().iter().for_each(|word| word.store(0, Ordering::Relaxed));
        // The place belongs to the open file, which all processes share.
        std::fs::File::from(self.file.try_clone()?).rewind()
    }

    /// What to hand to another process.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// The memory.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: `start` is the beginning of a mapping of `words` words that is readable and
        // writable, aligned to a page, and not unmapped before `self` is dropped. Every bit pattern
        // is a valid AtomicU64, and nobody, in this process or another, sees it as anything else.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: this is the mapping that `map` made; no reference to it outlives `self`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.words * WORD) };
    }
}

fn map(file: BorrowedFd<'_>, bytes: usize) -> io::Result<NonNull<AtomicU64>> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, at an address that the kernel chooses; it replaces none.
    let start = unsafe {
        libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
}

/// Keeps the file at its size, where it can be: nobody can shrink it under another process, which
/// would then be killed by SIGBUS. An unlinked file cannot be sealed.
#[cfg(target_os = "linux")]
fn seal(file: &std::fs::File) {
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: it only seals the file that is ours.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
}

#[cfg(not(target_os = "linux"))]
fn seal(_file: &std::fs::File) {}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn two_mappings_of_one_memory_show_the_same_words() {
        let folder = std::env::temp_dir();
        let ours = SharedMemory::create(1000, &folder).unwrap();
        let theirs = SharedMemory::attach(ours.file().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!(theirs.words().len(), 1000);
        ours.words()[999].store(7, Relaxed);
        assert_eq!(theirs.words()[999].load(Relaxed), 7);
        drop(ours);
        assert_eq!(theirs.words()[999].load(Relaxed), 7);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nobody_can_shrink_memory_under_another_process() {
        let memory = SharedMemory::create(1000, &std::env::temp_dir()).unwrap();
        let file = std::fs::File::from(memory.file().try_clone_to_owned().unwrap());
        assert_eq!(file.set_len(0).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn a_file_that_is_empty_or_no_whole_number_of_words_is_refused() {
        let file = tempfile::tempfile().unwrap();
        for bytes in [0, 12] {
            file.set_len(bytes).unwrap();
            let refused = SharedMemory::attach(file.try_clone().unwrap().into()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        }
        assert!(SharedMemory::create(usize::MAX, &std::env::temp_dir()).is_err());
        assert!(SharedMemory::create(0, &std::env::temp_dir()).is_err());
    }
}
