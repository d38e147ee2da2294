//! The type of a listening address.

use std::fmt;
use std::path::PathBuf;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A TCP port of one host, or of every interface.
    Tcp {
        /// The host, or every interface.
        host: HostName,
        /// The port.
        port: Port,
    },
    /// A Unix socket that the server creates.
    Unix {
        /// Its path in the file system.
        path: PathBuf,
        /// Its permissions, `unix-socket-perms`, set before it listens.
        mode: u32,
    },
    /// A bound socket, by its descriptor: `fd://3`, or one of `sockets`.
    Descriptor(i32),
}

/// The host of a TCP endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostName {
    /// Every interface, in every family that `ipv4` and `ipv6` allow: `*`.
    Any,
    /// An address without brackets, or a name to look up; a name may have several addresses.
    Name(String),
}

/// The port of a TCP endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// A number; 0 picks a free port.
    Number(u16),
    /// A service name to look up, such as `http`.
    Service(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host: HostName::Name(host), port } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
            Self::Descriptor(descriptor) => write!(f, "fd://{descriptor}"),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Service(name) => f.write_str(name),
        }
    }
}
