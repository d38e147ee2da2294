//! Duplicates a socket that this process was given under a number.
//!
//! Whoever names the number in the settings hands the socket over. It is duplicated, so that the
//! number stays as it was for whoever else looks at it.

use std::io;
#[cfg(unix)]
use std::sync::OnceLock;

use socket2::Socket;

/// The sockets that this process was started with, once they have been looked for.
#[cfg(unix)]
static INHERITED: OnceLock<Vec<i32>> = OnceLock::new();

/// The descriptors that are looked at: more than any service manager passes.
#[cfg(unix)]
const LOOKED_AT: std::ops::Range<i32> = 3..1024;

/// Finds out which sockets the process was started with, before it opens any itself. From then on,
/// only these can be taken over by their number. Programs that this process executes do not get them.
///
/// What an exec leaves open is not close-on-exec, and what Python or this crate has opened since then
/// is.
#[cfg(unix)]
pub fn find_inherited_sockets() {
    INHERITED.get_or_init(|| LOOKED_AT.filter(|number| was_inherited(*number)).collect());
}

#[cfg(unix)]
fn was_inherited(number: i32) -> bool {
    // SAFETY: it only asks about the number.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags == -1 || flags & libc::FD_CLOEXEC != 0 {
        return false;
    }
    let (mut kind, mut length) = (0i32, size_of::<i32>() as libc::socklen_t);
    // SAFETY: it writes into the two variables it is given, which are of the types it wants; it fails
    // if the number is no socket.
    let failed = unsafe {
        libc::getsockopt(
            number,
            libc::SOL_SOCKET,
            libc::SO_TYPE,
            (&raw mut kind).cast(),
            &raw mut length,
        )
    };
    if failed != 0 {
        return false;
    }
    // SAFETY: it changes a flag of a descriptor that is open.
    unsafe { libc::fcntl(number, libc::F_SETFD, flags | libc::FD_CLOEXEC) };
    true
}

/// A duplicate of the socket with this descriptor; `None` if no such descriptor is open, or it is one
/// of our own.
///
/// # Errors
/// It cannot be duplicated.
#[cfg(unix)]
pub(crate) fn duplicate(descriptor: i32) -> io::Result<Option<Socket>> {
    use std::os::fd::{FromRawFd as _, OwnedFd};

    if INHERITED.get().is_some_and(|inherited| !inherited.contains(&descriptor)) {
        return Ok(None);
    }
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

/// Takes over a descriptor that this process was given under a number, for itself alone: programs
/// that it executes do not get it. `None` if no such descriptor is open.
///
/// # Errors
/// It cannot be taken over.
#[cfg(unix)]
pub(crate) fn take(descriptor: i32) -> io::Result<Option<std::os::fd::OwnedFd>> {
    let Some(duplicate) = duplicate(descriptor)? else { return Ok(None) };
    // SAFETY: it is open, and whoever passed the number gave the descriptor away with it.
    unsafe { libc::close(descriptor) };
    Ok(Some(duplicate.into()))
}
