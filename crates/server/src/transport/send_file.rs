//! Sends part of a file to a socket: in the kernel where possible, by copying elsewhere.
//!
//! A file that cannot be read is the server's failure and not the client's, but sendfile(2) has one
//! error for both ends. So what it refuses is tried once more by copying, which asks each end by
//! itself; that also serves files that the kernel cannot send (sendfile(2), NOTES).

use std::fs::File;
use std::io;

use super::stream::Stream;

/// Which side has failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The file cannot be read.
    File(io::Error),
    /// The socket: `WouldBlock` when it is full.
    Socket(io::Error),
}

impl From<io::Error> for Failed {
    /// For writes, where only the socket can fail.
    fn from(error: io::Error) -> Self {
        Self::Socket(error)
    }
}

/// Sends as many of the `length` bytes of `file` from `offset` on as the socket accepts at once, and
/// returns their number. `Ok(0)` means that the file ends before `offset`.
///
/// # Errors
/// The errors of the file or of the socket.
pub(crate) fn send(
    stream: &Stream,
    file: &File,
    offset: u64,
    length: u64,
) -> Result<usize, Failed> {
    #[cfg(target_os = "linux")]
    match by_kernel(stream, file, offset, length) {
        Ok(count) => return Ok(count),
        Err(error) if is_retryable(&error) => return Err(Failed::Socket(error)),
        Err(_) => {}
    }
    by_copying(stream, file, offset, length)
}

/// The path of a file for the log, if the system provides it.
pub(crate) fn name(file: &File) -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(file);
        let path = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
        Some(path.to_string_lossy().into_owned())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file; // there is no portable way
        None
    }
}

/// Whether the call should be repeated later.
#[cfg(target_os = "linux")]
fn is_retryable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// sendfile(2) of Linux.
#[cfg(target_os = "linux")]
fn by_kernel(stream: &Stream, file: &File, offset: u64, length: u64) -> io::Result<usize> {
    use std::os::fd::AsRawFd as _;

    /// The maximum that one call of sendfile(2) transfers.
    const BYTES_PER_CALL: u64 = 0x7fff_f000;

    stream.try_with_descriptor(|socket| {
        let mut offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        let length = usize::try_from(length.min(BYTES_PER_CALL)).unwrap_or(usize::MAX);
        // SAFETY: both descriptors are open for the length of the call, which their borrows
        // guarantee, and `offset` is a local that the kernel may write to.
        let count = unsafe {
            libc::sendfile(socket.as_raw_fd(), file.as_raw_fd(), &raw mut offset, length)
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    })
}

/// The same through memory: for systems with a different or a blocking call (such as `TransmitFile`),
/// and for files that sendfile(2) does not support. Reading may block on the disk.
fn by_copying(stream: &Stream, file: &File, offset: u64, length: u64) -> Result<usize, Failed> {
    /// The size of a common socket buffer.
    const BYTES_PER_COPY: usize = 64 * 1024;

    let length = usize::try_from(length).unwrap_or(usize::MAX).min(BYTES_PER_COPY);
    let mut buffer = vec![0; length];
    let read = read_at(file, &mut buffer, offset).map_err(Failed::File)?;
    if read == 0 {
        return Ok(0);
    }
    Ok(stream.try_write(&[io::IoSlice::new(&buffer[..read])])?)
}

/// Reads at an explicit position, because the file's position may be shared with the application.
#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// The same. It also moves the file's position, but does not depend on it.
#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

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

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_part_of_a_file_arrives_from_its_offset_on_and_no_further() {
        with_connection(|stream, mut client| {
            assert_eq!(send(&stream, &file_of(b"0123456789"), 2, 5).unwrap(), 5);
            stream.close_write();
            let mut arrived = String::new();
            client.read_to_string(&mut arrived).unwrap();
            assert_eq!(arrived, "23456");
        });
    }

    #[test]
    fn copying_sends_the_same_and_ends_where_the_file_ends() {
        with_connection(|stream, mut client| {
            let file = file_of(b"0123456789");
            assert_eq!(by_copying(&stream, &file, 2, 5).unwrap(), 5);
            assert_eq!(by_copying(&stream, &file, 10, 5).unwrap(), 0);
            stream.close_write();
            let mut arrived = String::new();
            client.read_to_string(&mut arrived).unwrap();
            assert_eq!(arrived, "23456");
        });
    }

    /// What comes of sending from `file` to a client that reads.
    fn sending(file: File) -> Result<usize, Failed> {
        let mut result = Ok(0);
        with_connection(|stream, client| {
            result = send(&stream, &file, 0, 5);
            drop(client);
        });
        result
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_the_sockets_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("written");
        std::fs::write(&path, "12345").unwrap();
        let not_for_reading = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        let result = sending(not_for_reading);
        assert!(matches!(result, Err(Failed::File(_))), "{result:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_input_error_is_told_as_what_it_is() {
        // Nothing is at address 0, and the kernel says EIO of reading there.
        let result = sending(File::open("/proc/self/mem").unwrap());
        let Err(Failed::File(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.raw_os_error(), Some(libc::EIO));
    }

    #[test]
    fn a_client_that_has_gone_is_not_the_files_failure() {
        with_connection(|stream, client| {
            drop(client);
            let file = file_of(&[0; 1000]);
            let failed = loop {
                // The first ones may still find room in the socket's own buffer.
                match send(&stream, &file, 0, 1000) {
                    Ok(_) => {}
                    Err(Failed::Socket(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                        std::thread::yield_now();
                    }
                    Err(failed) => break failed,
                }
            };
            assert!(matches!(failed, Failed::Socket(_)), "{failed:?}");
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_is_named_by_its_path() {
        let named = tempfile::NamedTempFile::new().unwrap();
        let path = named.path().canonicalize().unwrap();
        assert_eq!(name(named.as_file()).as_deref(), path.to_str());
    }

    #[test]
    fn two_parts_of_one_file_do_not_disturb_each_other() {
        with_connection(|stream, mut client| {
            let file = file_of(b"abcdef");
            assert_eq!(by_copying(&stream, &file, 3, 3).unwrap(), 3);
            assert_eq!(by_copying(&stream, &file, 0, 3).unwrap(), 3);
            stream.close_write();
            let mut arrived = String::new();
            client.read_to_string(&mut arrived).unwrap();
            assert_eq!(arrived, "defabc");
        });
    }
}
