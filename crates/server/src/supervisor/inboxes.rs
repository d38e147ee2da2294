//! The inboxes of all seats (`connection/inboxes.rs`), of which the supervisor has both ends. It hands
//! them out, and gives to others what a process does not read (`forwarding.rs`).

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use socket2::{Domain, Socket, Type};

use super::control::ToWorker;
use super::facts::Serial;
use super::forwarding::Obstacle;
use super::run::Supervisor;
use crate::listen::Listeners;

/// Both ends of an inbox.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) read: OwnedFd,
    pub(super) write: OwnedFd,
    /// Why some could not be forwarded when that was last tried.
    pub(super) obstacle: Option<Obstacle>,
}

/// The inboxes by seat.
#[derive(Debug, Default)]
pub(super) struct SeatInboxes(pub(super) BTreeMap<usize, Ends>);

impl SeatInboxes {
    /// Makes the inbox of a seat, unless it has one. Returns whether it is new. Only on Linux do
    /// workers hand connections over.
    ///
    /// # Errors
    /// No descriptors are left.
    pub(super) fn ensure(&mut self, seat: usize) -> io::Result<bool> {
        if !cfg!(target_os = "linux") || self.0.contains_key(&seat) {
            return Ok(false);
        }
        let (read, write) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None)?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        self.0.insert(seat, Ends { read: read.into(), write: write.into(), obstacle: None });
        Ok(true)
    }

    /// The end that the process of a seat reads.
    pub(super) fn reading_end(&self, seat: usize) -> Option<BorrowedFd<'_>> {
        self.0.get(&seat).map(|ends| ends.read.as_fd())
    }

    /// The ends that others write to, by seat.
    pub(super) fn writing_ends(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.0.iter().map(|(&seat, ends)| (seat, ends.write.as_fd()))
    }
}

impl Supervisor {
    /// Makes the inbox of a seat, if it has none, and tells the workers.
    ///
    /// # Errors
    /// No descriptors are left.
    pub(super) fn ensure_inbox(&mut self, seat: usize) -> io::Result<()> {
        if self.inboxes.ensure(seat)?
            && let Some((_, inbox)) = self.inboxes.writing_ends().find(|(index, _)| *index == seat)
        {
            for worker in self.workers.values() {
                worker.tell(&ToWorker::Inbox { seat }, &[inbox]);
            }
        }
        Ok(())
    }

    /// Hands the inboxes and the listening sockets to a worker that has imported the application.
    pub(super) fn admit(&self, serial: Serial) {
        let Some(worker) = self.workers.get(&serial) else { return };
        for (seat, inbox) in self.inboxes.writing_ends() {
            worker.tell(&ToWorker::Inbox { seat }, &[inbox]);
        }
        if let Some(inbox) = self.inboxes.reading_end(worker.seat) {
            worker.tell(&ToWorker::OwnInbox, &[inbox]);
        }
        let sockets: Vec<_> =
            self.listeners.iter().flat_map(Listeners::sockets).map(|it| it.as_fd()).collect();
        worker.tell(&ToWorker::Listen { sockets: sockets.len() }, &sockets);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::system::pass_fd::{self, Wait};

    #[test]
    fn a_seat_keeps_its_inbox() {
        let mut inboxes = SeatInboxes::default();
        assert!(inboxes.ensure(0).unwrap());
        let (_, inbox) = inboxes.writing_ends().next().unwrap();
        pass_fd::send(inbox, b"a", &[], Wait::Never).unwrap();
        assert!(!inboxes.ensure(0).unwrap());
        let inbox = inboxes.reading_end(0).unwrap();
        assert_eq!(pass_fd::receive(inbox, &mut [0; 9], Wait::Never).unwrap().length, 1);
    }
}
