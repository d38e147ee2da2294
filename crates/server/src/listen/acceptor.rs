//! A listening socket that is registered with the reactor.

use std::io::{self, ErrorKind};
use std::task::{Context, Poll};

use maitred_http_parser::exchange::Peer;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use super::{ListenAddress, Listener};
use crate::system::fork_guard::ForkGuard;
use crate::transport::stream::Stream;

/// A listening socket, known to the reactor.
#[derive(Debug)]
pub(crate) struct Acceptor {
    /// Dropped before the socket is closed.
    _guard: Option<ForkGuard>,
    registered: Registered,
}

/// Its kinds.
#[derive(Debug)]
enum Registered {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Acceptor {
    /// Registers a listening socket with the reactor of the current thread.
    pub(crate) fn register(listener: &Listener) -> io::Result<Self> {
        let (socket, guard) = listener.duplicate()?;
        socket.set_nonblocking(true)?;
        let registered = match listener.address {
            ListenAddress::Tcp(_) => TcpListener::from_std(socket.into()).map(Registered::Tcp)?,
            #[cfg(unix)]
            ListenAddress::Unix(_) => {
                UnixListener::from_std(socket.into()).map(Registered::Unix)?
            }
            #[cfg(not(unix))]
            ListenAddress::Unix(_) => return Err(ErrorKind::Unsupported.into()),
        };
        Ok(Self { _guard: guard, registered })
    }

    /// The listening socket.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        match &self.registered {
            Registered::Tcp(listener) => SockRef::from(listener),
            #[cfg(unix)]
            Registered::Unix(listener) => SockRef::from(listener),
        }
    }

    /// Accepts one connection.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match &self.registered {
            Registered::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, address)| {
                if !NODELAY_IS_INHERITED {
                    // Without it answers are only slower; the connection itself is fine.
                    let _ = stream.set_nodelay(true);
                }
                (Stream::Tcp(stream), Peer::tcp(address))
            }),
            #[cfg(unix)]
            Registered::Unix(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| (Stream::Unix(stream), Peer::unix()))
            }
        }
    }

    /// Accepts without asking the reactor.
    pub(crate) fn accept_now(&self) -> io::Result<(Stream, Peer)> {
        let (socket, address) = self.socket().accept()?;
        socket.set_nonblocking(true)?;
        match (&self.registered, address.as_socket()) {
            (Registered::Tcp(_), Some(address)) => {
                if !NODELAY_IS_INHERITED {
                    // Without it answers are only slower; the connection itself is fine.
                    let _ = socket.set_tcp_nodelay(true);
                }
                Ok((Stream::Tcp(TcpStream::from_std(socket.into())?), Peer::tcp(address)))
            }
            #[cfg(unix)]
            (Registered::Unix(_), _) => {
                Ok((Stream::Unix(UnixStream::from_std(socket.into())?), Peer::unix()))
            }
            (Registered::Tcp(_), None) => Err(ErrorKind::AddrNotAvailable.into()),
        }
    }
}

/// Linux gives accepted sockets the options of the listening one, which saves a call for each.
const NODELAY_IS_INHERITED: bool = cfg!(target_os = "linux");
