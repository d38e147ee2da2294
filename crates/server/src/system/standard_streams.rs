//! Opens the standard streams that the process was started without.
//!
//! A process whose descriptor 2 is closed gives that number to the next file that it opens: a socket,
//! or a file of the application. Whatever writes to standard error then writes there.

use std::io;

/// Opens `/dev/null` as each of the descriptors 0 to 2 that is not open. To be called before anything
/// else is opened.
///
/// # Errors
/// There is no `/dev/null`.
pub fn open_missing_streams() -> io::Result<()> {
    loop {
        // SAFETY: F_GETFD only asks whether the number is open.
        let is_open = |number: i32| unsafe { libc::fcntl(number, libc::F_GETFD) } != -1;
        let Some(missing) = (0..3).find(|number| !is_open(*number)) else { return Ok(()) };
        // SAFETY: the path ends in NUL. The new descriptor is the lowest that is free, and stays open
        // for the rest of the process.
        let opened = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        if opened != missing {
            return Err(io::Error::last_os_error());
        }
    }
}
