//! The system calls that std does not have; the only file with `unsafe`.

use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const EVENTS_AT_ONCE: usize = 256;

/// What a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    Read,
    Write,
}

/// Tells which descriptors are ready, level-triggered.
pub struct Epoll(OwnedFd);

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor was just made, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Room for the events of one wait.
    pub fn room() -> Vec<libc::epoll_event> {
        vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_AT_ONCE]
    }

    pub fn add(&self, fd: RawFd, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, interest)
    }

    pub fn change(&self, fd: RawFd, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, interest)
    }

    fn control(&self, operation: i32, fd: RawFd, interest: Interest) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN,
            Interest::Write => libc::EPOLLOUT,
        };
        let mut event = libc::epoll_event {
            events: events.cast_unsigned(),
            u64: u64::from(fd.cast_unsigned()),
        };
        // SAFETY: the event lives until the call returns; the kernel copies it.
        checked(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &raw mut event) })?;
        Ok(())
    }

    /// The descriptors that are ready, at least one.
    pub fn wait<'a>(
        &self,
        events: &'a mut [libc::epoll_event],
    ) -> io::Result<impl Iterator<Item = RawFd> + use<'a>> {
        let room = i32::try_from(events.len()).unwrap_or(i32::MAX);
        // SAFETY: the pointer and the count are those of one slice.
        let ready = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), room, -1) };
        let count = checked(ready)?.unsigned_abs() as usize;
        Ok(events[..count].iter().map(|event| (event.u64 as u32).cast_signed()))
    }
}

/// The next connection, set not to block or to delay; `None` when there is none.
pub fn accept(listener: &TcpListener) -> Option<TcpStream> {
    let (stream, _) = listener.accept().ok()?;
    stream.set_nonblocking(true).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// How many connections may wait to be accepted.
pub fn set_backlog(listener: &TcpListener, backlog: i32) -> io::Result<()> {
    // SAFETY: no pointers are passed; listening again only changes the backlog.
    checked(unsafe { libc::listen(listener.as_raw_fd(), backlog) })?;
    Ok(())
}

/// Send a part of the file without copying it; how many bytes went.
pub fn send_file(stream: &TcpStream, file: &File, from: usize, size: usize) -> io::Result<usize> {
    let mut offset = i64::try_from(from).map_err(io::Error::other)?;
    // SAFETY: the offset lives until the call returns; both descriptors are borrowed meanwhile.
    let sent =
        unsafe { libc::sendfile(stream.as_raw_fd(), file.as_raw_fd(), &raw mut offset, size) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Where `byte` is first, as fast as the C library finds it.
pub fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: the pointer and the length are those of one slice.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), i32::from(byte), bytes.len()) };
    (!found.is_null()).then(|| found as usize - bytes.as_ptr() as usize)
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
