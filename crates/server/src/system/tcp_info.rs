//! The number of connections that the kernel has completed on a listening socket and the server has
//! not accepted yet.
//!
//! On Linux, TCP_INFO of a listening socket has it: `tcpi_unacked` is the length of the accept
//! queue, and `tcpi_sacked` its limit. It is not available for Unix sockets, or on other systems.

use socket2::SockRef;

/// The accept queue of a listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AcceptQueue {
    /// Connections waiting to be accepted.
    pub(crate) waiting: u32,
    /// The maximum.
    pub(crate) limit: u32,
}

/// Queries the kernel.
#[cfg(target_os = "linux")]
pub(crate) fn backlog(socket: &SockRef<'_>) -> Option<AcceptQueue> {
    use std::os::fd::AsRawFd as _;
    // SAFETY: all of its fields are numbers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
    // SAFETY: the kernel writes at most `length` bytes to `info`, which is that long, and the
    // descriptor is open for as long as `socket` lives.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    (outcome == 0).then_some(AcceptQueue { waiting: info.tcpi_unacked, limit: info.tcpi_sacked })
}

/// Not available on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn backlog(_socket: &SockRef<'_>) -> Option<AcceptQueue> {
    None
}

/// The number of bytes in the send queue of a connection that the peer has not acknowledged
/// (`SIOCOUTQ`, tcp(7)).
#[cfg(target_os = "linux")]
pub(crate) fn unacknowledged(socket: &SockRef<'_>) -> Option<u64> {
    use std::os::fd::AsRawFd as _;
    let mut count: libc::c_int = 0;
    // SAFETY: the kernel writes one number to `count`, and the descriptor is open for as long as
    // `socket` lives. TIOCOUTQ has the same number as SIOCOUTQ.
    let outcome = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    (outcome == 0).then(|| u64::try_from(count).unwrap_or(0))
}

/// Not available on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn unacknowledged(_: &SockRef<'_>) -> Option<u64> {
    None
}
