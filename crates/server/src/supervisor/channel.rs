//! One end of a control socket: whole messages with their descriptors, over a Unix stream.
//!
//! The kernel drops descriptors for which the process has no room. That is the end of the message that
//! they came with, and of nothing else: an application that leaks descriptors goes on to be served, and
//! its worker still hears that it is to end. A process that is sent descriptors while an application runs
//! keeps one in reserve, and closes it just before it reads: enough for each message that comes then.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::control::{self, decode};
use crate::system::pass_fd::{self, Received, Wait};
use crate::system::poll;
use crate::system::spare_descriptors::placeholder;

/// Bytes that are read at once.
const READ_BYTES: usize = 4096;

/// The most descriptors that wait for their message.
const DESCRIPTORS_MAX: usize = 2 * pass_fd::DESCRIPTORS_MAX;

/// The reading side of a control socket.
#[derive(Debug)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    /// What has come with each message that has descriptors, in their order.
    passed: VecDeque<PassedDescriptors>,
    reserve: Reserve,
}

/// The descriptors of a message. One call of recvmsg(2) returns those of one message.
#[derive(Debug)]
struct PassedDescriptors {
    descriptors: Vec<OwnedFd>,
    is_truncated: bool,
}

/// Whether a descriptor is kept whose place the next one that arrives can take.
#[derive(Debug)]
enum Reserve {
    NotKept,
    /// `None` while none is left.
    Kept(Option<File>),
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
    /// Of a process that is sent none while its application runs, or runs none.
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::new(), passed: VecDeque::new(), reserve: Reserve::NotKept }
    }

    /// Of a process whose application may use up all descriptors.
    pub(crate) fn with_reserve() -> Self {
        Self { reserve: Reserve::Kept(None), ..Self::new() }
    }

    /// Reads what has arrived, once. Waits for it if the socket blocks.
    pub(crate) fn read(&mut self, socket: &UnixStream, wait: Wait) -> Progress {
        let mut buffer = [0; READ_BYTES];
        match self.receive(socket, &mut buffer, wait) {
            Ok(received) if received.length == 0 => Progress::Ended,
            Ok(received) => {
                self.bytes.extend_from_slice(&buffer[..received.length]);
                let Received { descriptors, is_truncated, .. } = received;
                if !descriptors.is_empty() || is_truncated {
                    self.passed.push_back(PassedDescriptors { descriptors, is_truncated });
                }
                let waiting = self.passed.iter().map(|passed| passed.descriptors.len().max(1));
                match waiting.sum::<usize>() > DESCRIPTORS_MAX {
                    true => Progress::Ended,
                    false => Progress::Open,
                }
            }
            Err(error) if is_for_later(&error) => Progress::Open,
            Err(_) => Progress::Ended,
        }
    }

    fn receive(
        &mut self,
        socket: &UnixStream,
        buffer: &mut [u8],
        wait: Wait,
    ) -> io::Result<Received> {
        let Reserve::Kept(reserve) = &mut self.reserve else {
            return pass_fd::receive(socket.as_fd(), buffer, wait);
        };
        let keep = |reserve: &mut Option<File>| {
            *reserve = reserve.take().or_else(|| placeholder().ok());
        };
        keep(reserve);
        // Not while it waits: others would take the place.
        if wait == Wait::AsSocket && poll::readable(&[socket.as_fd()], Duration::MAX)? == [false] {
            return Err(io::ErrorKind::Interrupted.into());
        }
        *reserve = None;
        let received = pass_fd::receive(socket.as_fd(), buffer, Wait::Never);
        keep(reserve);
        received
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

    /// The descriptors of the message that has just been taken, of which it says that there are `count`.
    ///
    /// # Errors
    /// This process had no room for all of them.
    pub(crate) fn descriptors(&mut self, count: usize) -> io::Result<Vec<OwnedFd>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        match self.passed.pop_front() {
            Some(PassedDescriptors { is_truncated: true, .. }) => {
                Err(io::Error::other("this process may have no more files open"))
            }
            Some(PassedDescriptors { descriptors, .. }) if descriptors.len() == count => {
                Ok(descriptors)
            }
            Some(_) | None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The descriptor of the message that has just been taken, which has one.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn descriptor(&mut self) -> io::Result<OwnedFd> {
        self.descriptors(1)?.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
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
    fn a_message_whose_descriptors_had_no_room_leaves_the_next_one_its_own() {
        let mut incoming = Incoming::new();
        let (here, there) = UnixStream::pair().unwrap();
        let one = || vec![here.as_fd().try_clone_to_owned().unwrap()];
        let passed = [(one(), true), (Vec::new(), true), (one(), false)];
        incoming.passed = passed
            .map(|(descriptors, is_truncated)| PassedDescriptors { descriptors, is_truncated })
            .into_iter()
            .collect();
        assert!(incoming.descriptors(3).is_err());
        assert!(incoming.descriptors(0).unwrap().is_empty());
        assert!(incoming.descriptor().is_err());
        assert!(incoming.descriptor().is_ok());
        drop(there);
    }

    #[test]
    fn a_reserve_is_kept_from_one_message_to_the_next() {
        let (here, there) = UnixStream::pair().unwrap();
        let mut incoming = Incoming::with_reserve();
        for _ in 0..2 {
            send(&here, &ToWorker::Inbox { seat: 1 }, &[there.as_fd()], Wait::Never).unwrap();
            assert_eq!(incoming.read(&there, Wait::AsSocket), Progress::Open);
            assert!(incoming.next::<ToWorker>().unwrap().is_some());
            assert!(incoming.descriptor().is_ok());
            assert!(matches!(incoming.reserve, Reserve::Kept(Some(_))));
        }
        assert_eq!(incoming.read(&there, Wait::Never), Progress::Open);
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
