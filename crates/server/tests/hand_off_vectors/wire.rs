//! A client that sends what it has to, whatever the server makes of it, and reads to the end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::support::{End, PATIENCE};

/// What a client connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Tcp,
    Unix,
}

/// A client's end of a connection.
pub(super) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Wire {
    pub(super) fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("nodelay can be set");
        Self::Tcp(stream)
    }

    pub(super) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        Self::Unix(stream)
    }

    /// Sends this, unless the server reads no more.
    pub(super) fn give(&mut self, bytes: &[u8]) {
        let given = match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        };
        if let Err(error) = given {
            let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(kinds.contains(&error.kind()), "{error}");
        }
    }

    /// Sends no more, and still reads.
    pub(super) fn half_close(&mut self) {
        let closed = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        if let Err(error) = closed {
            // The server has left already.
            assert_eq!(error.kind(), ErrorKind::NotConnected);
        }
    }

    /// Reads to the end.
    pub(super) fn rest(&mut self) -> (Vec<u8>, End) {
        let mut rest = Vec::new();
        let read = match self {
            Self::Tcp(stream) => stream.read_to_end(&mut rest),
            Self::Unix(stream) => stream.read_to_end(&mut rest),
        };
        match read {
            Ok(_) => (rest, End::Closed),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => (rest, End::Reset),
            Err(error) => panic!("{error} after {} bytes", rest.len()),
        }
    }
}
