//! The peer of a connection, in the terms of the environ.

use std::net::SocketAddr;

/// The peer of a connection, formatted once per connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address; `None` for a Unix socket.
    pub address: Option<SocketAddr>,
    /// REMOTE_ADDR: the IP address, or `localhost` for a Unix socket.
    pub host: Box<str>,
    /// REMOTE_PORT: the port, or the text `None` for a Unix socket, as in Waitress.
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

    /// The peer of a Unix socket, which has no address.
    pub fn unix() -> Self {
        Self { address: None, host: "localhost".into(), port: "None".into() }
    }
}
