//! Turns the configured addresses into listening sockets, in two steps.
//!
//! An address is claimed (`bind`) before the application is imported, so that an address in use is
//! reported at once. It is opened to clients (`listen`) only when requests can be answered: until
//! then, connections are refused, and a proxy or a client tries elsewhere instead of waiting for a
//! server that may never be ready.
//!
//! Once they are guarded, a forked child keeps none of these sockets (`system/fork_guard.rs`):
//! otherwise, a process that the application starts would hold the address after the server has
//! stopped. A program that creates a server and forks before it runs it shares them on purpose.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use maitred_config::Endpoint;
use maitred_config::Settings;
use socket2::Socket;

use crate::system::clock::Clock;
use crate::system::error_text::describe;
use crate::system::fork_guard::ForkGuard;

pub(crate) mod acceptor;
mod bind;
#[cfg(unix)]
mod lock;
#[cfg(target_os = "linux")]
mod syn_filter;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

/// The time for TCP handshakes in progress to complete, once new ones are prevented. The client of a
/// server that stops is nearly always a proxy in the same network.
pub(crate) const HANDSHAKES_END_WITHIN: Duration = Duration::from_millis(10);

/// Who else has the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Perhaps a child of this process.
    PerhapsChildren,
    /// Only workers of this process, which have said that they have no children.
    OnlyWorkers,
}

/// An address that the server listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// TCP, with the port that was actually bound.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// The address as it is written in settings, metrics and errors.
    pub fn name(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
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

/// The bound sockets. Dropping it closes them, and removes the files of Unix sockets.
#[derive(Debug, Default)]
pub struct Listeners {
    pub(crate) entries: Vec<Listener>,
}

/// One bound socket.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Keeps the socket from forked children, once that is wanted.
    guard: Option<ForkGuard>,
    /// Its address.
    pub(crate) address: ListenAddress,
    pub(crate) socket: Socket,
    /// The process that bound it; `None` if it was inherited, and others may still use it.
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
    /// Dropped after the file has been removed.
    #[cfg(unix)]
    #[expect(dead_code, reason = "it is there to be dropped")]
    lock: lock::SocketLock,
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
    System(io::ErrorKind),
    /// The host or the service has no address here.
    Unresolved,
    /// The address or the socket is of a kind that cannot be used.
    Unusable,
}

impl BindError {
    /// A system error for an address.
    fn system(address: impl Into<String>, error: &io::Error) -> Self {
        let cause = BindCause::System(error.kind());
        Self { address: address.into(), reason: describe(error), cause }
    }

    /// An error that was found before any system call.
    fn refused(address: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { address: address.into(), reason: reason.into(), cause: BindCause::Unusable }
    }
}

impl Listeners {
    /// Binds every address of the settings. Connections are refused until [`Listeners::listen`].
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

    /// Keeps the sockets that were bound here from processes that are forked from now on. Sockets that
    /// were handed over are left as they are: whoever did so decides which processes have them.
    ///
    /// # Errors
    /// Too many sockets.
    pub fn keep_from_children(&mut self) -> Result<(), BindError> {
        self.entries.iter_mut().try_for_each(Listener::keep_from_children)
    }

    /// Opens every address to clients.
    ///
    /// A process that was forked meanwhile has no guarded sockets any more, and binds the addresses
    /// anew: an application may turn the process into a daemon when it is imported.
    ///
    /// # Errors
    /// The first address that cannot be listened on: another process has begun to, since it was bound.
    pub fn listen(&mut self, settings: &Settings) -> Result<(), BindError> {
        if self.entries.iter().any(Listener::is_left_to_parent) {
            self.entries.clear();
            *self = after_parent(|| Self::bind(settings))?;
            self.keep_from_children()?;
        }
        self.entries.iter().try_for_each(|entry| entry.listen(settings.network.backlog))
    }

    /// Sockets that the supervisor has bound. Processes that are forked from now on do not have them.
    ///
    /// # Errors
    /// One of them is no stream socket. There are too many.
    #[cfg(unix)]
    pub fn from_supervisor(sockets: Vec<std::os::fd::OwnedFd>) -> Result<Self, BindError> {
        let adopt = |socket| {
            let mut listener = bind::adopt(Socket::from(socket))?;
            listener.guard()?;
            Ok(listener)
        };
        let entries = sockets.into_iter().map(adopt).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Does nothing: only Linux can drop newcomers.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn drop_newcomers(&self, _sharing: Sharing) -> bool {
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

/// How long the parent of a daemon may take to end, and to release its addresses.
const PARENT_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// The address is in use.
const IN_USE: BindCause = BindCause::System(io::ErrorKind::AddrInUse);

/// How often a daemon tries to have the addresses of its parent.
const PARENT_PAUSE: Duration = Duration::from_millis(10);

/// Binds in a process that was forked by the one that had the address. That one is about to end: its
/// application has made a daemon of the server.
pub(crate) fn after_parent<T>(bind: impl Fn() -> Result<T, BindError>) -> Result<T, BindError> {
    let clock = Clock::new();
    let deadline = clock.instant() + PARENT_ENDS_WITHIN;
    loop {
        match bind() {
            Err(error) if error.cause == IN_USE && clock.instant() < deadline => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "nobody tells when an address is free"
                )]
                std::thread::sleep(PARENT_PAUSE);
            }
            bound => return bound,
        }
    }
}

/// Binds the address of the admin listener, which may be one address of each family, and listens: it
/// answers while the application is imported.
///
/// # Errors
/// It cannot be bound.
pub(crate) fn bind_admin(
    endpoint: &Endpoint,
    settings: &Settings,
) -> Result<Vec<Listener>, BindError> {
    let listeners = bind::endpoint(endpoint, settings)?;
    listeners.iter().try_for_each(|listener| listener.listen(settings.network.backlog))?;
    Ok(listeners)
}

/// Does what binding an endpoint does, but listens nowhere and leaves nothing behind.
///
/// # Errors
/// It could not be bound.
pub(crate) fn rehearse(endpoint: &Endpoint, settings: &Settings) -> Result<(), BindError> {
    bind::rehearse(endpoint, settings)
}

impl Listener {
    /// A socket that was bound here.
    fn bound(address: ListenAddress, socket: Socket, file: Option<SocketFile>) -> Self {
        Self { guard: None, address, socket, bound_by: Some(std::process::id()), file }
    }

    /// A socket that was handed over.
    fn inherited(address: ListenAddress, socket: Socket) -> Self {
        Self { guard: None, address, socket, bound_by: None, file: None }
    }

    /// Keeps the socket from processes that are forked from now on, if it was bound here.
    pub(crate) fn keep_from_children(&mut self) -> Result<(), BindError> {
        if self.guard.is_none() && self.bound_by.is_some() {
            self.guard()?;
        }
        Ok(())
    }

    fn guard(&mut self) -> Result<(), BindError> {
        let failed = |error| BindError::system(self.address.name(), &error);
        self.guard = Some(ForkGuard::of(&self.socket).map_err(failed)?);
        Ok(())
    }

    /// Whether this process was forked after the socket had been guarded.
    fn is_left_to_parent(&self) -> bool {
        self.guard.as_ref().is_some_and(ForkGuard::is_of_parent)
    }

    /// A duplicate of the socket for the reactor, kept from forked children as the socket is.
    fn duplicate(&self) -> io::Result<(Socket, Option<ForkGuard>)> {
        let socket = self.socket.try_clone()?;
        let guard = self.guard.as_ref().map(|_| ForkGuard::of(&socket)).transpose()?;
        Ok((socket, guard))
    }

    /// Accepts clients from now on, and makes the socket non-blocking.
    fn listen(&self, backlog: u32) -> Result<(), BindError> {
        self.socket
            .listen(i32::try_from(backlog).unwrap_or(i32::MAX))
            .and_then(|()| self.socket.set_nonblocking(true))
            .map_err(|error| BindError::system(self.address.name(), &error))
    }
}
