//! Turns the configured addresses into listening sockets.
//!
//! Sockets are bound when the server is created, before any thread exists: errors in an address
//! appear at once, and the process may still fork.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use maitred_config::Endpoint;
use maitred_config::Settings;
use socket2::Socket;

use crate::system::error_text::describe;

pub(crate) mod acceptor;
mod bind;
#[cfg(target_os = "linux")]
mod syn_filter;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

/// An address that the server listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// TCP, with the port that was actually bound.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddress {
    /// Formats a URL for clients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The listening sockets. Dropping it closes them, and removes the files of Unix sockets.
#[derive(Debug, Default)]
pub struct Listeners {
    pub(crate) entries: Vec<Listener>,
}

/// One listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Its address.
    pub(crate) address: ListenAddress,
    pub(crate) socket: Socket,
    /// The process that bound it; `None` if it was inherited, and others may still use it.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux can filter"))]
    pub(crate) bound_by: Option<u32>,
    /// Removes the file of a Unix socket that was bound here.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) file: Option<SocketFile>,
}

/// The file of a Unix socket. Dropping it removes the file, if it is still the one that was bound.
#[derive(Debug)]
pub(crate) struct SocketFile {
    #[cfg_attr(windows, expect(dead_code, reason = "there are no Unix sockets"))]
    path: PathBuf,
    #[cfg(unix)]
    identity: (u64, u64),
    #[cfg(unix)]
    owner: u32,
}

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {reason}")]
pub struct BindError {
    /// The address as it was written.
    pub address: String,
    /// The reason, as text.
    pub reason: String,
    /// The reason, for programs.
    pub cause: BindCause,
}

/// What kind of error a [`BindError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindCause {
    /// The system refused.
    System(std::io::ErrorKind),
    /// The host or the service has no address here.
    Unresolved,
    /// The address or the socket is of a kind that cannot be used.
    Unusable,
}

impl BindError {
    /// A system error for an address.
    fn system(address: impl Into<String>, error: &std::io::Error) -> Self {
        let cause = BindCause::System(error.kind());
        Self { address: address.into(), reason: describe(error), cause }
    }

    /// An error that was found before any system call.
    fn refused(address: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { address: address.into(), reason: reason.into(), cause: BindCause::Unusable }
    }
}

impl Listeners {
    /// Binds every address of the settings, and listens.
    ///
    /// # Errors
    /// The first address that cannot be bound. Sockets bound before it are closed again.
    pub fn bind(settings: &Settings) -> Result<Self, BindError> {
        let mut entries = Vec::new();
        for endpoint in &settings.network.listen {
            entries.extend(bind::endpoint(endpoint, settings)?);
        }
        Ok(Self { entries })
    }

    /// Does nothing: only Linux can drop newcomers.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn drop_newcomers(&self) -> bool {
        false
    }

    /// The addresses, in order.
    pub fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.entries.iter().map(|listener| &listener.address)
    }

    /// The sockets, in the same order.
    pub fn sockets(&self) -> impl Iterator<Item = &Socket> {
        self.entries.iter().map(|listener| &listener.socket)
    }
}

/// Binds the address of the admin listener, which may be one address of each family.
///
/// # Errors
/// It cannot be bound.
pub(crate) fn bind_admin(
    endpoint: &Endpoint,
    settings: &Settings,
) -> Result<Vec<Listener>, BindError> {
    bind::endpoint(endpoint, settings)
}

/// Listens, and makes the socket non-blocking.
fn start_listening(socket: &Socket, backlog: u32) -> std::io::Result<()> {
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)
}
