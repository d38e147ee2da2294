//! The other end of a connection, in the words of the environ.

use std::net::SocketAddr;

/// The other end of a connection, as text, made once for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address; `None` for a Unix socket.
    pub address: Option<SocketAddr>,
    /// REMOTE_ADDR: the IP address, or `localhost` for a Unix socket.
    pub host: Box<str>,
    /// REMOTE_PORT: the port, or `None` as text for a Unix socket, as Waitress has it.
    pub port: Box<str>,
}

impl Peer {
    /// The peer of a TCP connection.
    pub fn tcp(address: SocketAddr) -> Self {
        Self {
            address: Some(address),
            host: address.ip().to_string().into(),
            port: address.port().to_string().into(),
        }
    }

    /// The peer of a Unix socket, which has no address of its own.
    pub fn unix() -> Self {
        Self { address: None, host: "localhost".into(), port: "None".into() }
    }
}
