//! One end of a control socket: whole messages with their descriptors, over a Unix stream.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use serde::{Deserialize, Serialize};

use super::control::{self, decode};
use crate::system::pass_fd::{self, Wait};

/// Bytes that are read at once.
const READ_BYTES: usize = 4096;

/// The most descriptors that wait for their message.
const DESCRIPTORS_MAX: usize = 2 * pass_fd::DESCRIPTORS_MAX;

/// The reading side of a control socket.
#[derive(Debug)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

/// What has come of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Something has arrived, or nothing yet.
    Open,
    /// The other process has closed its end, or is gone.
    Ended,
}

impl Incoming {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), descriptors: VecDeque::new() }
    }

    /// Reads what has arrived, once. Waits for it if the socket blocks.
    pub(crate) fn read(&mut self, socket: &UnixStream, wait: Wait) -> Progress {
        let mut buffer = [0; READ_BYTES];
        match pass_fd::receive(socket.as_fd(), &mut buffer, wait) {
            Ok(received) if received.length == 0 || received.is_truncated => Progress::Ended,
            Ok(received) => {
                self.bytes.extend_from_slice(&buffer[..received.length]);
                self.descriptors.extend(received.descriptors);
                match self.descriptors.len() > DESCRIPTORS_MAX {
                    true => Progress::Ended,
                    false => Progress::Open,
                }
            }
            Err(error) if is_for_later(&error) => Progress::Open,
            Err(_) => Progress::Ended,
        }
    }

    /// The next message that is complete.
    ///
    /// # Errors
    /// What has arrived is no message.
    pub(crate) fn next<M: for<'a> Deserialize<'a>>(
        &mut self,
    ) -> Result<Option<M>, control::DecodeError> {
        decode(&mut self.bytes)
    }

    /// The next descriptor: those of a message have arrived when it has.
    pub(crate) fn descriptor(&mut self) -> io::Result<OwnedFd> {
        self.descriptors.pop_front().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Sends a message whole.
///
/// # Errors
/// The other process is gone, or has not read for so long that the socket is full. After a part has
/// been sent no other message can be.
pub(crate) fn send(
    socket: &UnixStream,
    message: &impl Serialize,
    descriptors: &[BorrowedFd<'_>],
    wait: Wait,
) -> io::Result<()> {
    let bytes = control::encode(message);
    let sent = pass_fd::send(socket.as_fd(), &bytes, descriptors, wait)?;
    let mut rest = &bytes[sent..];
    while !rest.is_empty() {
        let sent = pass_fd::send(socket.as_fd(), rest, &[], wait)?;
        rest = &rest[sent..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::control::ToWorker;

    #[test]
    fn a_message_arrives_with_its_descriptors_and_then_the_end() {
        let (here, there) = UnixStream::pair().unwrap();
        let listen = ToWorker::Listen { sockets: 1 };
        send(&here, &ToWorker::Retire, &[], Wait::Never).unwrap();
        send(&here, &listen, &[there.as_fd()], Wait::Never).unwrap();
        drop(here);
        let mut incoming = Incoming::new();
        let mut received = Vec::new();
        while incoming.read(&there, Wait::AsSocket) == Progress::Open {
            while let Some(message) = incoming.next::<ToWorker>().unwrap() {
                received.push(message);
            }
        }
        assert_eq!(received, [ToWorker::Retire, listen]);
        assert!(incoming.descriptor().is_ok());
        assert!(incoming.descriptor().is_err());
    }

    #[test]
    fn a_socket_that_nobody_reads_is_an_error_and_no_wait() {
        let (here, _there) = UnixStream::pair().unwrap();
        let full = loop {
            if let Err(error) = send(&here, &ToWorker::Retire, &[], Wait::Never) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    }
}
