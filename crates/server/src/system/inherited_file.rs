//! Duplicates a file that this process was given under a number, such as standard output.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd};

/// A duplicate of the open file with this descriptor.
///
/// # Errors
/// No such descriptor is open, or no more can be opened.
pub(crate) fn duplicate(descriptor: i32) -> io::Result<File> {
    // SAFETY: it only duplicates the number, and fails if no such descriptor is open.
    let duplicate = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) };
    if duplicate == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the duplicate was made just now and belongs to nobody else.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(duplicate) }))
}
