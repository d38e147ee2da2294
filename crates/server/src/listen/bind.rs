//! Binds an endpoint: resolves names, sets options before `bind`, and names the address in errors.

use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs as _};

use maitred_config::Settings;
use maitred_config::{Endpoint, HostName, Port};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

#[cfg(unix)]
use super::unix as system;
#[cfg(windows)]
use super::windows as system;
use super::{BindCause, BindError, ListenAddress, Listener};
use crate::system::{port_owner, service_name};

/// Binds one endpoint, which may be several addresses: `*` is both families, a name all addresses of
/// that name. Of a name, an address that this machine does not have is left out with a warning, if
/// another one can be bound: `localhost` is often also an IPv6 address where there is no IPv6.
pub(super) fn endpoint(
    endpoint: &Endpoint,
    settings: &Settings,
) -> Result<Vec<Listener>, BindError> {
    match endpoint {
        Endpoint::Tcp { host, port } => {
            let addresses = resolve(host, port, settings)?;
            let mut listeners: Vec<Listener> = Vec::with_capacity(addresses.len());
            let mut absent = Vec::new();
            for mut address in addresses {
                // Port 0 is any free port, but the same one for both families of one endpoint.
                if let (0, Some(Listener { address: ListenAddress::Tcp(first), .. })) =
                    (address.port(), listeners.first())
                {
                    address.set_port(first.port());
                }
                match tcp(address) {
                    Ok(listener) => listeners.push(listener),
                    Err(error) if is_absent(&error) => absent.push(error),
                    Err(error) => return Err(error),
                }
            }
            if listeners.is_empty()
                && let Some(error) = absent.pop()
            {
                return Err(error);
            }
            for error in absent {
                tracing::warn!(target: "maitred", "{error}; serving on the other addresses of {host}");
            }
            Ok(listeners)
        }
        Endpoint::Unix { path, mode } => system::bind(path, *mode).map(|listener| vec![listener]),
        Endpoint::Descriptor(descriptor) => {
            let socket = system::inherited(*descriptor)?;
            adopt(socket).map(|listener| vec![listener])
        }
    }
}

/// The socket addresses of a host and a port, in the families that the settings allow.
fn resolve(
    host: &HostName,
    port: &Port,
    settings: &Settings,
) -> Result<Vec<SocketAddr>, BindError> {
    let failed = |reason: String| BindError {
        address: format!("{host}:{port}"),
        reason,
        cause: BindCause::Unresolved,
    };
    let port = match port {
        Port::Number(number) => *number,
        Port::Service(name) => service_name::port(name)
            .ok_or_else(|| failed(format!("the service `{name}` is not known here")))?,
    };
    let mut addresses: Vec<SocketAddr> = match host {
        HostName::Any => {
            vec![
                SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port),
                SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port),
            ]
        }
        HostName::Name(name) => (name.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| failed(format!("the name cannot be resolved: {error}")))?
            .collect(),
    };
    addresses.retain(
        |address| if address.is_ipv4() { settings.network.ipv4 } else { settings.network.ipv6 },
    );
    if matches!(host, HostName::Any) && settings.network.ipv4 && !ipv6_exists() {
        addresses.retain(SocketAddr::is_ipv4);
    }
    addresses.dedup();
    if addresses.is_empty() {
        return Err(failed("it has no address in an allowed family (ipv4, ipv6)".into()));
    }
    Ok(addresses)
}

/// Whether the kernel supports IPv6; it may be disabled.
fn ipv6_exists() -> bool {
    Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).is_ok_and(|socket| {
        let any = SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), 0);
        socket.set_only_v6(true).and_then(|()| socket.bind(&any.into())).is_ok()
    })
}

/// Whether this machine does not have the address.
fn is_absent(error: &BindError) -> bool {
    let absent = [ErrorKind::AddrNotAvailable, ErrorKind::Unsupported];
    absent.into_iter().any(|kind| error.cause == BindCause::System(kind))
}

/// Does what binding an endpoint does, and leaves nothing behind.
pub(super) fn rehearse(given: &Endpoint, settings: &Settings) -> Result<(), BindError> {
    match given {
        Endpoint::Tcp { .. } | Endpoint::Descriptor(_) => endpoint(given, settings).map(drop),
        Endpoint::Unix { path, .. } => system::rehearse(path),
    }
}

/// The error for an address, with who has it or what it needs, where that is known.
fn refused(address: SocketAddr, error: &std::io::Error) -> BindError {
    let mut refused = BindError::system(address.to_string(), error);
    match error.kind() {
        ErrorKind::AddrInUse => {
            if let Some(owner) = port_owner::listening_process(address) {
                refused.reason.push_str(&format!(" by {owner}"));
            }
        }
        ErrorKind::PermissionDenied if (1..1024).contains(&address.port()) => {
            refused.reason.push_str(
                ": ports below 1024 need a privilege; take another one, or let the service manager \
                 pass the socket (`fd://3`)",
            );
        }
        _ => {}
    }
    refused
}

fn tcp(address: SocketAddr) -> Result<Listener, BindError> {
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            // IPv4 has a separate socket.
            socket.set_only_v6(true)?;
        }
        system::claim_address(&socket)?;
        // On Linux, accepted sockets inherit it; elsewhere, `accept` sets it.
        socket.set_tcp_nodelay(true)?;
        socket.bind(&address.into())?;
        let bound = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Listener::bound(ListenAddress::Tcp(bound), socket, None))
    };
    bind().map_err(|error: std::io::Error| refused(address, &error))
}

/// Takes over a socket that another process, or the program, has bound.
pub(super) fn adopt(socket: Socket) -> Result<Listener, BindError> {
    const WHAT: &str = "the given socket";
    let other = || BindError::refused(WHAT, "only Internet or Unix stream sockets may be used");
    let local = socket.local_addr().map_err(|error| BindError::system(WHAT, &error))?;
    let address = listen_address(&local).ok_or_else(other)?;
    if socket.r#type().map_err(|error| BindError::system(WHAT, &error))? != Type::STREAM {
        return Err(other());
    }
    Ok(Listener::inherited(address, socket))
}

fn listen_address(local: &SockAddr) -> Option<ListenAddress> {
    if let Some(address) = local.as_socket() {
        return Some(ListenAddress::Tcp(address));
    }
    #[cfg(unix)]
    if local.is_unix() {
        let path = local.as_pathname().map(std::path::Path::to_path_buf).unwrap_or_default();
        return Some(ListenAddress::Unix(path));
    }
    None
}
