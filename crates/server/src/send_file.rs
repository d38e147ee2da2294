//! Sends a part of a file to a socket: by the kernel itself where it can, by copying elsewhere.

use std::io;

use crate::outbox::FilePart;
use crate::stream::Stream;

/// Sends what the socket takes of `part` at once, and moves `part` on by as much. `Ok(0)` means
/// that the file is shorter than it was when the response began.
///
/// # Errors
/// `WouldBlock` when the socket is full, else as the file or the socket has it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "sendfile(2) has no safe wrapper in std")]
pub(crate) fn send(stream: &Stream, part: &mut FilePart) -> io::Result<usize> {
    use std::os::fd::AsRawFd as _;

    /// The most that one call of sendfile(2) transfers.
    const BYTES_PER_CALL: u64 = 0x7fff_f000;

    let count = stream.try_with_descriptor(|socket| {
        let mut offset = libc::off_t::try_from(part.offset).map_err(io::Error::other)?;
        let length = usize::try_from(part.remaining.min(BYTES_PER_CALL)).unwrap_or(usize::MAX);
        // SAFETY: both descriptors are open for the length of the call, which their borrows
        // guarantee, and `offset` is a local that the kernel may write to.
        let count = unsafe {
            libc::sendfile(socket.as_raw_fd(), part.file.as_raw_fd(), &raw mut offset, length)
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    })?;
    part.offset += count as u64;
    part.remaining -= count as u64;
    Ok(count)
}

/// The same by copying, for systems whose call differs or which have none.
///
/// # Errors
/// As above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn send(stream: &Stream, part: &mut FilePart) -> io::Result<usize> {
    use std::io::{IoSlice, Read as _, Seek as _, SeekFrom};

    /// As much as a socket buffer commonly holds.
    const BYTES_PER_COPY: usize = 64 * 1024;

    let mut buffer =
        vec![0; BYTES_PER_COPY.min(usize::try_from(part.remaining).unwrap_or(usize::MAX))];
    let mut file = &part.file;
    file.seek(SeekFrom::Start(part.offset))?;
    let read = file.read(&mut buffer)?;
    if read == 0 {
        return Ok(0);
    }
    let count = stream.try_write(&[IoSlice::new(&buffer[..read])])?;
    part.offset += count as u64;
    part.remaining -= count as u64;
    Ok(count)
}
