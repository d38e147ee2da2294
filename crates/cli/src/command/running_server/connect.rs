//! Connects to an address, within a deadline.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use maitred_config::{Endpoint, HostName, Port};
use maitred_server::system::service_name;
use socket2::{Domain, SockAddr, Socket, Type};

/// When the wait ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub(super) fn after(patience: Duration) -> Self {
        Self(now() + patience)
    }

    /// What is left.
    ///
    /// # Errors
    /// Nothing is.
    pub(super) fn left(&self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

#[expect(clippy::disallowed_methods, reason = "the deadline of a client, and of no server")]
fn now() -> Instant {
    Instant::now()
}

/// Connects. Of several addresses of a name, the first that answers is taken.
///
/// # Errors
/// Why the first address could not be connected to.
pub(super) fn connect(endpoint: &Endpoint, deadline: &Deadline) -> io::Result<Socket> {
    let addresses: Vec<SockAddr> = match endpoint {
        Endpoint::Tcp { host, port } => resolve(host, port)?.map(SockAddr::from).collect(),
        Endpoint::Unix { path, .. } if cfg!(unix) => vec![SockAddr::unix(path)?],
        Endpoint::Unix { .. } => {
            return Err(io::Error::other("there are no Unix sockets on Windows"));
        }
        Endpoint::Descriptor(_) => return Err(io::ErrorKind::Unsupported.into()),
    };
    let mut first_error = None;
    for address in addresses {
        match connect_to(&address, deadline) {
            Ok(socket) => return Ok(socket),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| io::Error::other("the name has no address")))
}

fn connect_to(address: &SockAddr, deadline: &Deadline) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, None)?;
    let left = deadline.left()?;
    if address.domain() == Domain::UNIX {
        // While the backlog is full, connecting waits as long as writing may.
        socket.set_write_timeout(Some(left))?;
        socket.connect(address)?;
    } else {
        socket.connect_timeout(address, left)?;
    }
    Ok(socket)
}

/// The addresses of a host. `localhost` is this machine, whatever the resolver says (RFC 6761 §6.3):
/// a container may have no `/etc/hosts`.
fn resolve(host: &HostName, port: &Port) -> io::Result<impl Iterator<Item = SocketAddr>> {
    let port = match port {
        Port::Number(port) => *port,
        Port::Service(name) => service_name::port(name)
            .ok_or_else(|| io::Error::other(format!("the service `{name}` is not known here")))?,
    };
    let addresses: Vec<SocketAddr> = match host {
        HostName::Name(name) if name != "localhost" => {
            (name.as_str(), port).to_socket_addrs()?.collect()
        }
        HostName::Name(_) | HostName::Any => {
            vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
        }
    };
    Ok(addresses.into_iter())
}
