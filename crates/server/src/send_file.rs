//! Sends part of a file to a socket: in the kernel where possible, by copying elsewhere.

use std::io;

use crate::outbox::FilePart;
use crate::stream::Stream;

/// Sends what the socket takes of `part` at once, at most `most` bytes, and moves `part` on by as
/// much. `Ok(0)` means that the file is shorter than it was when the response began.
///
/// # Errors
/// `WouldBlock` when the socket is full, else as the file or the socket has it.
pub(crate) fn send(stream: &Stream, part: &mut FilePart, most: u64) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    let count = by_kernel(stream, part, most)?;
    #[cfg(not(target_os = "linux"))]
    let count = by_copying(stream, part, most)?;
    part.offset += count as u64;
    part.remaining -= count as u64;
    Ok(count)
}

/// sendfile(2) of Linux.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "sendfile(2) has no safe wrapper in std")]
fn by_kernel(stream: &Stream, part: &FilePart, most: u64) -> io::Result<usize> {
    use std::os::fd::AsRawFd as _;

    /// The most that one call of sendfile(2) transfers.
    const BYTES_PER_CALL: u64 = 0x7fff_f000;

    stream.try_with_descriptor(|socket| {
        let mut offset = libc::off_t::try_from(part.offset).map_err(io::Error::other)?;
        let length = part.remaining.min(most).min(BYTES_PER_CALL);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // SAFETY: both descriptors are open for the length of the call, which their borrows
        // guarantee, and `offset` is a local that the kernel may write to.
        let count = unsafe {
            let file = part.stored.file.as_raw_fd();
            libc::sendfile(socket.as_raw_fd(), file, &raw mut offset, length)
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    })
}

/// The same through memory, for systems whose call differs or whose call waits, as `TransmitFile`
/// does. Reading a file may wait for a disk for a moment; what was read a moment ago does not.
#[cfg(any(test, not(target_os = "linux")))]
fn by_copying(stream: &Stream, part: &FilePart, most: u64) -> io::Result<usize> {
    /// As much as a socket buffer commonly holds.
    const BYTES_PER_COPY: usize = 64 * 1024;

    let length = usize::try_from(part.remaining.min(most)).unwrap_or(usize::MAX);
    let length = length.min(BYTES_PER_COPY);
    let mut buffer = vec![0; length];
    let read = read_at(&part.stored.file, &mut buffer, part.offset)?;
    if read == 0 {
        return Ok(0);
    }
    stream.try_write(&[io::IoSlice::new(&buffer[..read])])
}

/// Reads at a position of our own: the file's position may be shared with whoever opened it.
#[cfg(all(unix, any(test, not(target_os = "linux"))))]
fn read_at(file: &std::fs::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// The same. It moves the file's position, too, but never depends on it.
#[cfg(windows)]
fn read_at(file: &std::fs::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::sync::Arc;

    use super::*;
    use crate::outbox::Stored;

    /// Runs `test` with a stream as the server has it, and the client's end.
    fn with_connection(test: impl FnOnce(Stream, std::net::TcpStream)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            accepted.writable().await.unwrap();
            test(Stream::Tcp(accepted), client);
        });
    }

    /// A part, `offset` and length, of a file with these bytes.
    fn part(bytes: &[u8], offset: u64, remaining: u64) -> FilePart {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        FilePart { stored: Arc::new(Stored { file, claim: None }), offset, remaining }
    }

    #[test]
    fn a_part_of_a_file_arrives_from_its_offset_on_and_no_further() {
        with_connection(|stream, mut client| {
            let mut part = part(b"0123456789", 2, 5);
            assert_eq!(send(&stream, &mut part, u64::MAX).unwrap(), 5);
            assert_eq!((part.offset, part.remaining), (7, 0));
            stream.close_write();
            let mut arrived = String::new();
            client.read_to_string(&mut arrived).unwrap();
            assert_eq!(arrived, "23456");
        });
    }

    #[test]
    fn copying_sends_the_same_and_ends_where_the_file_ends() {
        with_connection(|stream, mut client| {
            let mut part = part(b"0123456789", 2, 5);
            assert_eq!(by_copying(&stream, &part, u64::MAX).unwrap(), 5);
            part.offset = 10;
            assert_eq!(by_copying(&stream, &part, u64::MAX).unwrap(), 0);
            stream.close_write();
            let mut arrived = String::new();
            client.read_to_string(&mut arrived).unwrap();
            assert_eq!(arrived, "23456");
        });
    }

    #[test]
    fn two_parts_of_one_file_do_not_disturb_each_other() {
        with_connection(|stream, mut client| {
            let early = part(b"abcdef", 0, 3);
            let stored = Arc::clone(&early.stored);
            let late = FilePart { stored, offset: 3, remaining: 3 };
            assert_eq!(by_copying(&stream, &late, u64::MAX).unwrap(), 3);
            assert_eq!(by_copying(&stream, &early, u64::MAX).unwrap(), 3);
            stream.close_write();
            let mut arrived = String::new();
            client.read_to_string(&mut arrived).unwrap();
            assert_eq!(arrived, "defabc");
        });
    }
}
