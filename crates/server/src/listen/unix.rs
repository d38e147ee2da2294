//! Listening on POSIX: Unix sockets, inherited descriptors, SO_REUSEADDR.
//!
//! A Unix socket's file outlives a server that was killed, and must not keep the next one from
//! starting; but it must never be taken from a running server, nor from one that is starting and does
//! not listen yet. So it is unlinked only if it is a socket, no server holds its lock (`lock.rs`), and
//! no process answers on it. Its mode is set before any client can connect.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};

use super::lock::SocketLock;
use super::{BindError, ListenAddress, Listener, SocketFile};
use crate::system::inherited_socket;

/// Allows binding an address that was in use a moment ago. On POSIX, this never lets two servers
/// listen on one address.
pub(super) fn claim_address(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Binds a Unix socket.
pub(super) fn bind(path: &Path, mode: u32) -> Result<Listener, BindError> {
    let bind = || {
        let lock = SocketLock::take(path)?.ok_or_else(in_use)?;
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile::of(path, lock)?;
        // Until `listen`, connections are refused, so no client can connect before the mode is set.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        Ok(Listener::bound(ListenAddress::Unix(path.to_path_buf()), socket, Some(file)))
    };
    bind().map_err(|error: io::Error| BindError::system(format!("unix:{}", path.display()), &error))
}

fn in_use() -> io::Error {
    io::Error::new(io::ErrorKind::AddrInUse, "another server listens there")
}

/// Checks that a Unix socket could be made, and makes none.
pub(super) fn rehearse(path: &Path) -> Result<(), BindError> {
    let failed = |error: io::Error| BindError::system(format!("unix:{}", path.display()), &error);
    at_path(path).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map(drop).map_err(failed)
}

/// Unlinks the file at `path` if it is a socket on which no process listens.
fn remove_stale(path: &Path) -> io::Result<()> {
    match at_path(path)? {
        AtPath::Nothing => Ok(()),
        AtPath::StaleSocket => std::fs::remove_file(path),
    }
}

/// What is at a path where a socket can be made.
enum AtPath {
    Nothing,
    StaleSocket,
}

/// What is at `path`. The error says what keeps a socket from being made there.
fn at_path(path: &Path) -> io::Result<AtPath> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(AtPath::Nothing),
        Err(error) => return Err(error),
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a file that is not a socket is in the way",
        ));
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(AtPath::StaleSocket),
        // The socket of another user, with or without a server.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Err(in_use()),
    }
}

impl SocketFile {
    fn of(path: &Path, lock: SocketLock) -> io::Result<Self> {
        let metadata = std::fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            identity: (metadata.dev(), metadata.ino()),
            owner: std::process::id(),
            lock,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A forked child has a copy of this value, and must not remove the parent's file.
        let is_ours = std::process::id() == self.owner
            && std::fs::symlink_metadata(&self.path)
                .is_ok_and(|found| (found.dev(), found.ino()) == self.identity);
        if is_ours {
            // If it cannot be removed, the next start removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The socket that a supervisor (systemd, Circus) left open under this number.
pub(super) fn inherited(descriptor: i32) -> Result<Socket, BindError> {
    let refused = |reason: &str| BindError::refused(format!("fd://{descriptor}"), reason);
    if descriptor < 3 {
        return Err(refused("descriptors 0 to 2 are not for listening"));
    }
    match inherited_socket::duplicate(descriptor) {
        Ok(Some(socket)) => Ok(socket),
        Ok(None) => Err(refused("no such socket was passed to this process")),
        Err(error) => Err(BindError::system(format!("fd://{descriptor}"), &error)),
    }
}
