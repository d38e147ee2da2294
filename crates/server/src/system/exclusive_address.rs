//! `SO_EXCLUSIVEADDRUSE` of Windows: nobody else can bind the address of the socket.

use std::io;
use std::os::windows::io::AsRawSocket as _;

use socket2::Socket;
use windows_sys::Win32::Networking::WinSock;

/// Claims the address that the socket will be bound to.
///
/// # Errors
/// The option cannot be set.
pub(crate) fn claim(socket: &Socket) -> io::Result<()> {
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
