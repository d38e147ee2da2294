//! The inboxes of the worker processes: Unix sockets through which they hand connections to each
//! other.
//!
//! There is one inbox for each seat of the board, a pair of sockets that the supervisor makes when
//! the seat is first used and that keep the boundaries of messages. Every worker can write to all,
//! and reads its own. When a process ends, what it has not read stays in the inbox, which the
//! supervisor and the next process of that seat can read.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use super::parcel::Message;
use crate::system::mutex::Mutex;
use crate::system::pass_fd::{self, Wait};
use crate::telemetry::HandoffRefusal;

/// The inboxes, as one worker has them.
#[derive(Debug)]
pub struct Inboxes {
    /// To read from.
    own: Mutex<Option<OwnedFd>>,
    /// To write to, by seat.
    all: Box<[OnceLock<OwnedFd>]>,
}

/// Why a message could not be sent. Nothing has been sent then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// The inbox is full.
    Full,
    /// Too many descriptors are on their way in such messages.
    Descriptors,
    /// There is no such inbox, or nobody reads it any more.
    Gone,
}

impl Inboxes {
    /// None yet, of a board with so many seats.
    pub fn new(seats: usize) -> Self {
        Self { own: Mutex::default(), all: (0..seats).map(|_| OnceLock::new()).collect() }
    }

    /// The inbox that this process reads.
    pub fn set_own(&self, socket: OwnedFd) {
        *self.own.lock() = Some(socket);
    }

    /// The inbox of another process.
    pub fn add(&self, seat: usize, socket: OwnedFd) {
        if let Some(inbox) = self.all.get(seat) {
            // A seat keeps its inbox when its process is replaced.
            let _ = inbox.set(socket);
        }
    }

    /// Takes the inbox that this process reads; `None` if connections are not handed over.
    pub(crate) fn take_own(&self) -> Option<OwnedFd> {
        self.own.lock().take()
    }

    /// The seats that can be written to.
    pub fn seats(&self) -> impl Iterator<Item = usize> {
        self.all.iter().enumerate().filter_map(|(seat, inbox)| inbox.get().map(|_| seat))
    }

    /// Whether a seat can be written to.
    pub(crate) fn has(&self, seat: usize) -> bool {
        self.all.get(seat).is_some_and(|inbox| inbox.get().is_some())
    }

    /// Sends a message to the process of a seat, with the socket of a connection.
    ///
    /// # Errors
    /// It could not be sent.
    pub(crate) fn send(
        &self,
        seat: usize,
        message: &Message<'_>,
        socket: Option<BorrowedFd<'_>>,
    ) -> Result<(), NotSent> {
        let inbox = self.all.get(seat).and_then(OnceLock::get).ok_or(NotSent::Gone)?;
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        let sent =
            pass_fd::send(std::os::fd::AsFd::as_fd(inbox), &bytes, socket.as_slice(), Wait::Never);
        sent.map(drop).map_err(|error| NotSent::from(&error))
    }
}

impl From<&io::Error> for NotSent {
    fn from(error: &io::Error) -> Self {
        match error.raw_os_error() {
            // ENOBUFS is what some systems say instead of EAGAIN.
            Some(libc::EAGAIN | libc::ENOBUFS) => Self::Full,
            Some(libc::ETOOMANYREFS | libc::EMFILE) => Self::Descriptors,
            _ => Self::Gone,
        }
    }
}

impl From<NotSent> for HandoffRefusal {
    fn from(why: NotSent) -> Self {
        match why {
            NotSent::Full => Self::Full,
            NotSent::Descriptors => Self::Descriptors,
            NotSent::Gone => Self::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixDatagram;

    use super::super::parcel::{Content, MESSAGE_BYTES_MAX, Sender};
    use super::*;
    use crate::system::own_process;

    const WANT: Message<'_> = Message {
        from: Sender { seat: 1, generation: 2 },
        to_generation: 3,
        content: Content::Want,
    };

    #[test]
    fn a_message_and_its_descriptor_arrive_in_one_piece() {
        let (read, write) = UnixDatagram::pair().unwrap();
        let inboxes = Inboxes::new(2);
        inboxes.add(1, write.into());
        assert_eq!(inboxes.seats().collect::<Vec<_>>(), [1]);
        assert!(inboxes.has(1) && !inboxes.has(0) && !inboxes.has(2));
        for socket in [None, Some(read.as_fd())] {
            inboxes.send(1, &WANT, socket).unwrap();
            let mut buffer = vec![0; MESSAGE_BYTES_MAX];
            let received = pass_fd::receive(read.as_fd(), &mut buffer, Wait::Never).unwrap();
            assert_eq!(Message::decode(&buffer[..received.length]), Ok(WANT));
            assert_eq!(received.descriptors.len(), usize::from(socket.is_some()));
        }
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        if !own_process::is_own() {
            return;
        }
        let (read, write) = UnixDatagram::pair().unwrap();
        let inboxes = Inboxes::new(1);
        assert_eq!(inboxes.send(0, &WANT, None), Err(NotSent::Gone), "there is none");
        assert_eq!(inboxes.send(9, &WANT, None), Err(NotSent::Gone), "there is no such seat");
        inboxes.add(0, write.into());
        let sent = std::iter::from_fn(|| inboxes.send(0, &WANT, None).ok()).count();
        assert!(sent > 1, "it has room for some");
        assert_eq!(inboxes.send(0, &WANT, None), Err(NotSent::Full));
        drop(read);
        assert_eq!(inboxes.send(0, &WANT, None), Err(NotSent::Gone), "nobody reads it");
    }
}
