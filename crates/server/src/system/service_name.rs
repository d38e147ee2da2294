//! The port of a TCP service such as `http`, as the system's `services` file has it.

use std::ffi::CString;

/// The port; `None` if the service is not known.
///
/// getservbyname(3) returns memory that the next call of any thread overwrites, and its reentrant
/// variant is not everywhere, so calls take turns.
#[cfg(unix)]
pub fn port(name: &str) -> Option<u16> {
    use crate::system::mutex::Mutex;

    static TURN: Mutex<()> = Mutex::new(());

    let name = CString::new(name).ok()?;
    let _turn = TURN.lock();
    // SAFETY: both strings end in NUL. The result is null or a static of the C library, which is read
    // before the turn ends; the library's own resolver does not write to it.
    let entry = unsafe { libc::getservbyname(name.as_ptr(), c"tcp".as_ptr()).as_ref() }?;
    u16::try_from(entry.s_port).ok().map(u16::from_be)
}

/// The port; `None` if the service is not known.
#[cfg(windows)]
pub fn port(name: &str) -> Option<u16> {
    use socket2::{Domain, Socket, Type};
    use windows_sys::Win32::Networking::WinSock;

    let name = CString::new(name).ok()?;
    // Winsock must have been initialised, which the first socket of a process does.
    Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    // SAFETY: both strings end in NUL. The result is null or belongs to this thread, and is read
    // before the thread calls Winsock again.
    let entry =
        unsafe { WinSock::getservbyname(name.as_ptr().cast(), c"tcp".as_ptr().cast()).as_ref() }?;
    Some(u16::from_be(entry.s_port.cast_unsigned()))
}
