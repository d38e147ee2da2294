//! A listening socket that is registered with the reactor.

use std::io::{self, ErrorKind};
use std::task::{Context, Poll};

use maitred_http_parser::exchange::Peer;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use super::{ListenAddress, Listener};
use crate::transport::stream::Stream;

/// A listening socket, known to the reactor.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Acceptor {
    /// Registers a listening socket with the reactor of the current thread.
    pub(crate) fn register(listener: &Listener) -> io::Result<Self> {
        let socket = listener.socket.try_clone()?;
        socket.set_nonblocking(true)?;
        match listener.address {
            ListenAddress::Tcp(_) => TcpListener::from_std(socket.into()).map(Self::Tcp),
            #[cfg(unix)]
            ListenAddress::Unix(_) => UnixListener::from_std(socket.into()).map(Self::Unix),
            #[cfg(not(unix))]
            ListenAddress::Unix(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// The listening socket.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(listener) => SockRef::from(listener),
            #[cfg(unix)]
            Self::Unix(listener) => SockRef::from(listener),
        }
    }

    /// Accepts one connection.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, address)| {
                if !NODELAY_IS_INHERITED {
                    // Without it answers are only slower; the connection itself is fine.
                    let _ = stream.set_nodelay(true);
                }
                (Stream::Tcp(stream), Peer::tcp(address))
            }),
            #[cfg(unix)]
            Self::Unix(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| (Stream::Unix(stream), Peer::unix()))
            }
        }
    }

    /// Accepts without asking the reactor.
    pub(crate) fn accept_now(&self) -> io::Result<(Stream, Peer)> {
        let (socket, address) = self.socket().accept()?;
        socket.set_nonblocking(true)?;
        match (self, address.as_socket()) {
            (Self::Tcp(_), Some(address)) => {
                if !NODELAY_IS_INHERITED {
                    // Without it answers are only slower; the connection itself is fine.
                    let _ = socket.set_tcp_nodelay(true);
                }
                Ok((Stream::Tcp(TcpStream::from_std(socket.into())?), Peer::tcp(address)))
            }
            #[cfg(unix)]
            (Self::Unix(_), _) => {
                Ok((Stream::Unix(UnixStream::from_std(socket.into())?), Peer::unix()))
            }
            (Self::Tcp(_), None) => Err(ErrorKind::AddrNotAvailable.into()),
        }
    }
}

/// Linux gives accepted sockets the options of the listening one, which saves a call for each.
const NODELAY_IS_INHERITED: bool = cfg!(target_os = "linux");
