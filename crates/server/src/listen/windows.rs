//! Listening on Windows: no Unix sockets, no inherited descriptors, and an address that nobody
//! else can take.

use std::io;
use std::path::Path;

use socket2::Socket;

use super::{BindError, Listener};

/// On Windows SO_REUSEADDR would let a second server take the address silently, so it is left
/// alone, and a bind to an address in use fails.
pub(super) fn claim_address(_socket: &Socket) -> io::Result<()> {
    Ok(())
}

/// There are none.
pub(super) fn listen(path: &Path, _mode: u32, _backlog: u32) -> Result<Listener, BindError> {
    Err(BindError {
        address: format!("unix:{}", path.display()),
        reason: "Unix sockets are not available on Windows".into(),
    })
}

/// There are none.
pub(super) fn inherited(descriptor: i32) -> Result<Socket, BindError> {
    Err(BindError {
        address: format!("fd://{descriptor}"),
        reason: "descriptors cannot be inherited on Windows".into(),
    })
}

/// Service names are not looked up here.
pub(super) fn service_port(_name: &str) -> Option<u16> {
    None
}
