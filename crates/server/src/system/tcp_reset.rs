//! Resets a TCP connection at once, even if another thread still holds its socket.
//!
//! Closing a socket resets its connection only when the last holder releases it, and a worker that
//! is stuck in the application never does. Until then the client would wait for the rest of an
//! abandoned response.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Resets. Linux does that when a connected socket is connected to nowhere: `AF_UNSPEC`, see
/// connect(2), "NOTES" on dissolving an association.
///
/// # Errors
/// The socket is not TCP, or not connected any more.
pub(crate) fn reset(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: zero is a valid value for each of the plain fields.
    let mut nowhere: libc::sockaddr = unsafe { std::mem::zeroed() };
    nowhere.sa_family = libc::AF_UNSPEC as libc::sa_family_t;
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the address is a local of
    // the length that is given.
    match unsafe { libc::connect(socket.as_raw_fd(), &raw const nowhere, length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
