//! The socket of a connection: a TCP or Unix stream that any thread may use without blocking.
//!
//! The stream is registered with the I/O thread's reactor. Reads and writes go through tokio's
//! `try_io`, which keeps the reactor's readiness state correct on any thread: a worker that finds
//! the socket full clears the bit that the I/O thread then waits for.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::io::Interest;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::system::tcp_info;

/// An accepted socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// TCP over IPv4 or IPv6.
    Tcp(TcpStream),
    /// A Unix stream socket.
    #[cfg(unix)]
    Unix(UnixStream),
}

/// How the peer has closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerEnd {
    /// It has closed its write side, and may still read.
    HalfClosed,
    /// It has closed or reset the connection.
    Broken,
}

/// Calls a method that both kinds of stream have.
macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            #[cfg(unix)]
            Stream::Unix($inner) => $call,
        }
    };
}

impl Stream {
    fn socket(&self) -> SockRef<'_> {
        either!(self, stream => SockRef::from(stream))
    }

    /// The socket that another process has accepted; `peer` is `None` for a Unix socket. It must be
    /// called on the I/O thread.
    ///
    /// # Errors
    /// It cannot be registered with the reactor.
    #[cfg(unix)]
    pub(crate) fn adopted(
        socket: std::os::fd::OwnedFd,
        peer: Option<std::net::SocketAddr>,
    ) -> io::Result<Self> {
        // It is non-blocking already: that belongs to the socket, not to the descriptor.
        match peer {
            Some(_) => TcpStream::from_std(socket.into()).map(Self::Tcp),
            None => UnixStream::from_std(socket.into()).map(Self::Unix),
        }
    }

    /// The descriptor, to be passed to another process.
    #[cfg(unix)]
    pub(crate) fn descriptor(&self) -> std::os::fd::BorrowedFd<'_> {
        either!(self, stream => std::os::fd::AsFd::as_fd(stream))
    }

    /// Reads available bytes, at most `into.len()`. `Ok(0)` is the end of the stream.
    ///
    /// # Errors
    /// The errors of the socket, but never `WouldBlock`, which is `Pending`.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, into.len(), |mut socket| socket.read(into))
    }

    /// The same for uninitialised memory: as many of the first bytes as returned are initialised.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        into: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(cx, into.len(), |socket| socket.recv(into))
    }

    fn poll_with(
        &self,
        cx: &mut Context<'_>,
        room: usize,
        mut receive: impl FnMut(&Socket) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match either!(self, stream => stream.poll_read_ready(cx)) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => {}
            }
            let mut received = None;
            let socket = self.socket();
            let read = || {
                let count = receive(&socket)?;
                received = Some(count);
                if DRAINED_BY_SHORT_READ && 0 < count && count < room {
                    // The socket is empty; another read would only confirm that.
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            };
            let outcome = either!(self, stream => stream.try_io(Interest::READABLE, read));
            match (received, outcome) {
                (Some(count), _) => return Poll::Ready(Ok(count)),
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                (None, Err(error)) => return Poll::Ready(Err(error)),
                (None, Ok(())) => return Poll::Ready(Ok(0)),
            }
        }
    }

    /// Whether there is unread input: what the kernel says, which the reactor may not know yet.
    pub(crate) fn has_bytes(&self) -> bool {
        let mut byte = [MaybeUninit::uninit(); 1];
        self.socket().peek(&mut byte).is_ok_and(|count| count > 0)
    }

    /// Bytes that the kernel holds for the peer, and the peer has not acknowledged; `None` where that
    /// is not known.
    pub(crate) fn unacknowledged(&self) -> Option<u64> {
        match self {
            Self::Tcp(stream) => tcp_info::unacknowledged(&SockRef::from(stream)),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }

    /// Ready when a write is worth trying.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_write_ready(cx))
    }

    /// Whether the peer has closed its side, as far as the reactor knows. Input may be left to read.
    pub(crate) fn peer_end(&self) -> Option<PeerEnd> {
        let mut cx = Context::from_waker(Waker::noop());
        let interest = Interest::READABLE | Interest::WRITABLE;
        let ready = either!(self, stream => pin!(stream.ready(interest)).poll(&mut cx));
        match ready {
            Poll::Ready(Ok(ready)) if ready.is_write_closed() => Some(PeerEnd::Broken),
            Poll::Ready(Ok(ready)) if ready.is_read_closed() => Some(PeerEnd::HalfClosed),
            Poll::Ready(Err(_)) => Some(PeerEnd::Broken),
            Poll::Ready(Ok(_)) | Poll::Pending => None,
        }
    }

    /// Writes as much of the slices as the socket accepts at once.
    ///
    /// # Errors
    /// `WouldBlock` if it accepts nothing, or another error of the socket.
    pub(crate) fn try_write(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let write = || {
            let socket = self.socket();
            match pieces {
                [piece] => (&*socket).write(piece),
                pieces => (&*socket).write_vectored(pieces),
            }
        };
        either!(self, stream => stream.try_io(Interest::WRITABLE, write))
    }

    /// Lets `write` use the socket, as [`Stream::try_write`] does.
    #[cfg(target_os = "linux")]
    pub(crate) fn try_with_descriptor<R>(
        &self,
        write: impl FnOnce(std::os::fd::BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        use std::os::fd::AsFd as _;
        either!(self, stream => stream.try_io(Interest::WRITABLE, || write(stream.as_fd())))
    }

    /// Closes the write side.
    pub(crate) fn close_write(&self) {
        // A peer that has gone already need not be told.
        let _ = self.socket().shutdown(Shutdown::Write);
    }

    /// Shuts down both directions, even if other threads hold the stream.
    pub(crate) fn close(&self) {
        let _ = self.socket().shutdown(Shutdown::Both);
    }

    /// Resets the connection, so that the peer cannot take the response for complete. On systems that
    /// cannot reset a socket in use, this happens when its last user drops it. A Unix socket cannot be
    /// reset, and is closed.
    pub(crate) fn reset(&self) {
        match self {
            Self::Tcp(stream) => {
                // A peer that has gone already need not be told.
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                #[cfg(target_os = "linux")]
                let _ = crate::system::tcp_reset::reset(std::os::fd::AsFd::as_fd(stream));
            }
            #[cfg(unix)]
            Self::Unix(_) => self.close(),
        }
    }
}

/// With epoll and kqueue, a short read has emptied the socket, and further input makes it readable
/// again.
const DRAINED_BY_SHORT_READ: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    target_os = "freebsd"
));
