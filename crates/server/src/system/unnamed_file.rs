//! A file without a name, which is gone with its last user, and which nobody else can open.
//!
//! On Linux it is a memfd, which needs no disk and cannot be executed. Where memfds are refused
//! (`vm.memfd_noexec = 2` with an old kernel, some sandboxes, other systems), it is an unlinked file.

use std::fs::File;
use std::io;
use std::path::Path;

/// Creates one; `folder` is where the file is if the system has no unnamed memory.
///
/// # Errors
/// There is neither memory nor a file.
pub fn create(folder: &Path) -> io::Result<File> {
    memory().or_else(|_| tempfile::tempfile_in(folder))
}

#[cfg(target_os = "linux")]
fn memory() -> io::Result<File> {
    use std::os::fd::{FromRawFd as _, OwnedFd};

    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let name = c"maitred".as_ptr();
    // SAFETY: the name ends in NUL and is only read.
    let mut number = unsafe { libc::memfd_create(name, flags | libc::MFD_NOEXEC_SEAL) };
    if number == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
        // A kernel before 6.3.
        // SAFETY: as above.
        number = unsafe { libc::memfd_create(name, flags) };
    }
    if number == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now and belongs to nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(number) }.into())
}

#[cfg(not(target_os = "linux"))]
fn memory() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
