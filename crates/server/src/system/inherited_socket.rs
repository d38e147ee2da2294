//! Duplicates a socket that this process was given under a number.
//!
//! Whoever names the number in the settings hands the socket over. It is duplicated, so that the
//! number stays as it was for whoever else looks at it.

use std::io;

use socket2::Socket;

/// A duplicate of the socket with this descriptor; `None` if no such descriptor is open.
///
/// # Errors
/// It cannot be duplicated.
#[cfg(unix)]
pub(crate) fn duplicate(descriptor: i32) -> io::Result<Option<Socket>> {
    use std::os::fd::{FromRawFd as _, OwnedFd};

    // SAFETY: F_GETFD only asks whether the number is open.
    if unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1 {
        return Ok(None);
    }
    // SAFETY: it is open, and only read here.
    let duplicate = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) };
    if duplicate == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the duplicate was made just now and belongs to nobody else.
    Ok(Some(Socket::from(unsafe { OwnedFd::from_raw_fd(duplicate) })))
}

/// A duplicate of the socket with this handle; `None` if no socket can have it.
///
/// # Errors
/// No such socket is open.
#[cfg(windows)]
pub(crate) fn duplicate(handle: i32) -> io::Result<Option<Socket>> {
    use std::os::windows::io::{BorrowedSocket, RawSocket};

    let Ok(raw) = RawSocket::try_from(handle) else { return Ok(None) };
    // SAFETY: it is only asked for a duplicate, which fails when no such socket is open. It is not
    // closed here.
    let borrowed = unsafe { BorrowedSocket::borrow_raw(raw) };
    borrowed.try_clone_to_owned().map(|duplicate| Some(Socket::from(duplicate)))
}
