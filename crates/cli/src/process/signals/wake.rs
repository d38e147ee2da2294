//! Wakes the main thread when a signal arrives.
//!
//! Python's C handler writes a byte to the descriptor of `signal.set_wakeup_fd`. A dedicated thread
//! reads it and wakes the thread that waits for the server. On Unix, the descriptors are a socket
//! pair; on Windows, they are a connection of the process to itself.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::thread::JoinHandle;

use pyo3::prelude::*;

use super::{SignalTarget, set_wakeup};

#[cfg(unix)]
use std::os::unix::net::UnixStream as Stream;

#[cfg(windows)]
use std::net::TcpStream as Stream;

/// The thread, and the socket that Python writes to. Must be stopped with [`Wakeup::stop`] on the
/// main thread.
pub(crate) struct Wakeup {
    /// The previous descriptor, to be restored.
    previous: Py<PyAny>,
    written: Stream,
    thread: Option<JoinHandle<()>>,
}

/// The two connected sockets: Python writes to one, the thread reads from the other.
pub(super) struct WakeupPair {
    read: Stream,
    written: Stream,
}

impl WakeupPair {
    /// Creates the sockets.
    ///
    /// # Errors
    /// No file descriptors are left.
    pub(super) fn new() -> std::io::Result<Self> {
        let (read, written) = pair()?;
        written.set_nonblocking(true)?;
        Ok(Self { read, written })
    }
}

impl Wakeup {
    /// Starts the thread, and sets the wake-up descriptor.
    pub(super) fn start(
        py: Python<'_>,
        server: Arc<dyn SignalTarget>,
        pair: WakeupPair,
    ) -> PyResult<Self> {
        let WakeupPair { mut read, written } = pair;
        let thread =
            std::thread::Builder::new().name("maitred-signals".into()).spawn(move || {
                while wait_for_bytes(&mut read) {
                    server.interrupt_wait();
                }
            })?;
        let previous = set_wakeup(py, descriptor(py, &written)?)?.unbind();
        Ok(Self { previous, written, thread: Some(thread) })
    }

    /// Ends the thread, and restores the wake-up descriptor.
    ///
    /// # Errors
    /// Python rejects the descriptor.
    pub(crate) fn stop(mut self, py: Python<'_>) -> PyResult<()> {
        let result = set_wakeup(py, self.previous.bind(py).clone());
        // Ends the thread's read. It fails if the thread has already ended.
        let _ = self.written.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            py.detach(|| {
                // The thread cannot panic.
                let _ = thread.join();
            });
        }
        result.map(drop)
    }
}

/// Waits until something has been written; false when nobody will write again.
fn wait_for_bytes(read: &mut impl Read) -> bool {
    let mut bytes = [0; 64];
    loop {
        match read.read(&mut bytes) {
            Ok(count) => return count > 0,
            // A signal may be delivered to any thread, this one too.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

#[cfg(unix)]
fn pair() -> std::io::Result<(Stream, Stream)> {
    Stream::pair()
}

#[cfg(unix)]
fn descriptor<'py>(py: Python<'py>, stream: &Stream) -> PyResult<Bound<'py, PyAny>> {
    use std::os::fd::AsRawFd;
    Ok(stream.as_raw_fd().into_pyobject(py)?.into_any())
}

#[cfg(windows)]
fn pair() -> std::io::Result<(Stream, Stream)> {
    loopback_pair()
}

/// A TCP connection of this process to itself: the reading end and the writing end.
#[cfg(any(windows, test))]
fn loopback_pair() -> std::io::Result<(std::net::TcpStream, std::net::TcpStream)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let written = std::net::TcpStream::connect(listener.local_addr()?)?;
    // The single byte must be sent at once.
    written.set_nodelay(true)?;
    loop {
        // Another process may have connected first; its connection is dropped.
        let (read, peer) = listener.accept()?;
        if peer == written.local_addr()? {
            return Ok((read, written));
        }
    }
}

#[cfg(windows)]
fn descriptor<'py>(py: Python<'py>, stream: &Stream) -> PyResult<Bound<'py, PyAny>> {
    use std::os::windows::io::AsRawSocket;
    Ok(stream.as_raw_socket().into_pyobject(py)?.into_any())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_byte_crosses_the_connection_to_ourselves_and_its_end_is_seen() {
        let (mut read, mut written) = loopback_pair().unwrap();
        written.write_all(b"!").unwrap();
        assert!(wait_for_bytes(&mut read));
        written.shutdown(std::net::Shutdown::Both).unwrap();
        assert!(!wait_for_bytes(&mut read));
    }

    /// Is interrupted once, then gives a byte, then breaks.
    struct Interrupted(u32);

    impl Read for Interrupted {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(ErrorKind::Interrupted.into()),
                2 => Ok(buffer.len().min(1)),
                _ => Err(ErrorKind::BrokenPipe.into()),
            }
        }
    }

    #[test]
    fn a_signal_that_is_delivered_to_the_thread_itself_does_not_end_it() {
        let mut read = Interrupted(0);
        assert!(wait_for_bytes(&mut read));
        assert!(!wait_for_bytes(&mut read));
    }
}
