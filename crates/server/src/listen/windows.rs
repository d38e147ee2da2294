//! Listening on Windows: no Unix sockets, handles instead of descriptors, and exclusive use of the
//! address.

use std::ffi::CString;
use std::io;
use std::os::windows::io::{AsRawSocket as _, BorrowedSocket, RawSocket};
use std::path::Path;

use socket2::{Domain, Socket, Type};
use windows_sys::Win32::Networking::WinSock;

use super::{BindError, Listener};
use crate::system_error::in_words;

/// Claims exclusive use of the address. On Windows, `SO_REUSEADDR` lets a second server silently take
/// over an address, even if the first server does not set it. This option prevents that. An address
/// that was in use a moment ago can be bound anyway.
#[expect(unsafe_code, reason = "neither std nor socket2 knows SO_EXCLUSIVEADDRUSE")]
pub(super) fn claim_address(socket: &Socket) -> io::Result<()> {
    let yes: i32 = 1;
    let handle = usize::try_from(socket.as_raw_socket()).map_err(io::Error::other)?;
    // SAFETY: the socket is open, its borrow lasts over the call, and pointer and length are those
    // of a local that the call only reads.
    let result = unsafe {
        WinSock::setsockopt(
            handle,
            WinSock::SOL_SOCKET,
            WinSock::SO_EXCLUSIVEADDRUSE,
            (&raw const yes).cast(),
            size_of_val(&yes) as i32,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Always an error: Unix sockets are not supported on Windows.
pub(super) fn listen(path: &Path, _mode: u32, _backlog: u32) -> Result<Listener, BindError> {
    let address = format!("unix:{}", path.display());
    Err(BindError::refused(address, "Unix sockets are not available on Windows"))
}

/// A socket of this process, by its handle, which is what `fileno()` of a Python socket returns. There
/// is no convention for the numbers of inherited handles.
#[expect(unsafe_code, reason = "a handle given by the user has no owner in Rust yet")]
pub(super) fn inherited(handle: i32) -> Result<Socket, BindError> {
    let failed = |reason: String| BindError::refused(format!("fd://{handle}"), reason);
    let raw = RawSocket::try_from(handle)
        .map_err(|_| failed("a socket's handle is never negative".into()))?;
    // SAFETY: whoever names it in the settings hands it over, and it is only asked for a duplicate,
    // which fails when no such socket is open. It is not closed here.
    let borrowed = unsafe { BorrowedSocket::borrow_raw(raw) };
    match borrowed.try_clone_to_owned() {
        Ok(duplicate) => Ok(Socket::from(duplicate)),
        Err(error) => Err(failed(format!("no such socket is open: {}", in_words(&error)))),
    }
}

/// The port of a TCP service such as `http`, as the system's `services` file has it.
#[expect(unsafe_code, reason = "getservbyname has no wrapper in std")]
pub(super) fn service_port(name: &str) -> Option<u16> {
    let name = CString::new(name).ok()?;
    // Winsock must have been initialised, which the first socket of a process does.
    Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    // SAFETY: both strings end in NUL. The result is null or belongs to this thread, and is read
    // before the thread calls Winsock again.
    let entry =
        unsafe { WinSock::getservbyname(name.as_ptr().cast(), c"tcp".as_ptr().cast()).as_ref() }?;
    Some(u16::from_be(entry.s_port.cast_unsigned()))
}
