//! Passes file descriptors to another process, over a Unix socket (`SCM_RIGHTS`, unix(7)).
//!
//! A received descriptor is closed when a program is executed, so that none leaks into a process
//! that the application starts meanwhile. A descriptor that does not fit into the table of the
//! receiver is dropped by the kernel, which [`Received::is_truncated`] tells: the message then has
//! fewer than were sent.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

/// The most descriptors in one message: the kernel's `SCM_MAX_FD`.
pub const DESCRIPTORS_MAX: usize = 253;

/// Room for the control message of that many descriptors, aligned as `cmsghdr` has to be.
type ControlBuffer = [u64; 160];

const _: () = assert!(size_of::<ControlBuffer>() >= DESCRIPTORS_MAX * size_of::<RawFd>() + 32);

/// What has arrived.
#[derive(Debug)]
pub struct Received {
    /// The number of bytes; 0 at the end of the stream.
    pub length: usize,
    /// The descriptors.
    pub descriptors: Vec<OwnedFd>,
    /// Whether descriptors or bytes are missing.
    pub is_truncated: bool,
}

/// Whether to wait until there is room, or something to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Only as the socket itself says.
    AsSocket,
    /// Never.
    Never,
}

impl Wait {
    fn flags(self) -> libc::c_int {
        match self {
            Self::AsSocket => 0,
            Self::Never => libc::MSG_DONTWAIT,
        }
    }
}

/// Sends bytes with descriptors; on a stream perhaps only some of the bytes, and then all of the
/// descriptors. Returns the number of bytes.
///
/// # Errors
/// The socket is full or its peer is gone. There are more than [`DESCRIPTORS_MAX`] descriptors.
pub fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    wait: Wait,
) -> io::Result<usize> {
    if descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut control: ControlBuffer = [0; 160];
    let mut parts = [IoSlice::new(bytes)];
    // SAFETY: a msghdr of zeros is valid: it names nothing.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr().cast(); // IoSlice has the layout of iovec
    message.msg_iovlen = 1;
    if !descriptors.is_empty() {
        let size = u32::try_from(size_of_val(descriptors)).unwrap_or(0);
        message.msg_control = control.as_mut_ptr().cast();
        // SAFETY: these only compute sizes; the buffer has room for DESCRIPTORS_MAX of them.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
        // SAFETY: msg_control is set, aligned, and large enough for one header with its data, which
        // is written within it.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size) as _;
            let data = libc::CMSG_DATA(header).cast::<RawFd>();
            for (index, descriptor) in descriptors.iter().enumerate() {
                data.add(index).write_unaligned(descriptor.as_raw_fd());
            }
        }
    }
    let flags = wait.flags() | NO_SIGNAL;
    // SAFETY: everything that the message names lives until the call returns.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Receives bytes and the descriptors that came with them.
///
/// # Errors
/// The socket is empty, or broken.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8], wait: Wait) -> io::Result<Received> {
    let mut control: ControlBuffer = [0; 160];
    let mut parts = [IoSliceMut::new(buffer)];
    // SAFETY: a msghdr of zeros is valid: it names nothing.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr().cast(); // IoSliceMut has the layout of iovec
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    let flags = wait.flags() | CLOSE_ON_EXEC;
    // SAFETY: everything that the message names lives until the call returns.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let mut descriptors = Vec::new();
    // SAFETY: the kernel has filled the buffer with whole headers, and CMSG_NXTHDR stays within the
    // length that it wrote. Each descriptor of SCM_RIGHTS is new and belongs to nobody else.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                for index in 0..bytes / size_of::<RawFd>() {
                    let descriptor = OwnedFd::from_raw_fd(data.add(index).read_unaligned());
                    close_on_exec(&descriptor);
                    descriptors.push(descriptor);
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    let is_truncated = message.msg_flags & (libc::MSG_CTRUNC | libc::MSG_TRUNC) != 0;
    Ok(Received { length, descriptors, is_truncated })
}

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: libc::c_int = libc::MSG_CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: libc::c_int = 0;

/// macOS has a socket option instead, which std sets on the sockets that it makes.
#[cfg(target_os = "linux")]
const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: libc::c_int = 0;

#[cfg(target_os = "linux")]
fn close_on_exec(_descriptor: &OwnedFd) {}

#[cfg(not(target_os = "linux"))]
fn close_on_exec(descriptor: &OwnedFd) {
    // SAFETY: it only sets a flag of a descriptor that is ours.
    unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_descriptor_works_in_the_process_that_receives_it() {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut kept, passed) = UnixStream::pair().unwrap();
        let sent = send(here.as_fd(), b"two", &[passed.as_fd(); 2], Wait::Never).unwrap();
        assert_eq!(sent, 3);
        drop(passed);
        let mut buffer = [0; 16];
        let received = receive(there.as_fd(), &mut buffer, Wait::Never).unwrap();
        assert_eq!((received.length, received.descriptors.len()), (3, 2));
        assert!(!received.is_truncated);
        let descriptor = received.descriptors.into_iter().next().unwrap();
        UnixStream::from(descriptor).write_all(b"hello").unwrap();
        let mut text = String::new();
        kept.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn as_many_descriptors_as_the_kernel_allows_fit_into_a_message_and_no_more() {
        let (here, there) = UnixStream::pair().unwrap();
        let all = [here.as_fd(); DESCRIPTORS_MAX + 1];
        send(here.as_fd(), b"x", &all[1..], Wait::Never).unwrap();
        let received = receive(there.as_fd(), &mut [0; 1], Wait::Never).unwrap();
        assert_eq!(received.descriptors.len(), DESCRIPTORS_MAX);
        let refused = send(here.as_fd(), b"x", &all, Wait::Never).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn an_empty_socket_is_no_wait_and_a_gone_peer_is_an_end_or_an_error() {
        let (here, there) = UnixStream::pair().unwrap();
        let mut buffer = [0; 1];
        let empty = receive(here.as_fd(), &mut buffer, Wait::Never).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        drop(there);
        assert_eq!(receive(here.as_fd(), &mut buffer, Wait::AsSocket).unwrap().length, 0);
        let broken = send(here.as_fd(), b"x", &[], Wait::AsSocket).unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::BrokenPipe);
    }
}
