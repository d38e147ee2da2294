//! Listening on Windows: no Unix sockets, handles instead of descriptors, and exclusive use of the
//! address.

use std::io;
use std::path::Path;

use socket2::Socket;

use super::{BindError, Listener};
use crate::system::error_text::describe;
use crate::system::{exclusive_address, inherited_socket};

/// Claims exclusive use of the address. On Windows, `SO_REUSEADDR` lets a second server silently take
/// over an address, even if the first server does not set it. An address that was in use a moment ago
/// can be bound anyway.
pub(super) fn claim_address(socket: &Socket) -> io::Result<()> {
    exclusive_address::claim(socket)
}

/// Always an error: Unix sockets are not supported on Windows.
pub(super) fn bind(path: &Path, _mode: u32) -> Result<Listener, BindError> {
    let address = format!("unix:{}", path.display());
    Err(BindError::refused(address, "Unix sockets are not available on Windows"))
}

/// Always an error: Unix sockets are not supported on Windows.
pub(super) fn rehearse(path: &Path) -> Result<(), BindError> {
    bind(path, 0).map(drop)
}

/// A socket of this process, by its handle, which is what `fileno()` of a Python socket returns. There
/// is no convention for the numbers of inherited handles.
pub(super) fn inherited(handle: i32) -> Result<Socket, BindError> {
    let refused = |reason: String| BindError::refused(format!("fd://{handle}"), reason);
    match inherited_socket::duplicate(handle) {
        Ok(Some(socket)) => Ok(socket),
        Ok(None) => Err(refused("a socket's handle is never negative".into())),
        Err(error) => Err(refused(format!("no such socket is open: {}", describe(&error)))),
    }
}
