//! The inboxes of all seats (`connection/inboxes.rs`), of which the supervisor has both ends: what a
//! process has not read when it dies or stands still goes to others.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use socket2::{Domain, Socket, Type};

use super::control::ToWorker;
use super::facts::Serial;
use super::run::Supervisor;
use crate::board::{Board, monotonic_ns};
use crate::connection::parcel::{MESSAGE_BYTES_MAX, Message};
use crate::listen::Listeners;
use crate::system::pass_fd::{self, Wait};

/// The most messages of one inbox that are forwarded at once: more than fit in.
const MESSAGES_MAX: usize = 1024;

/// After so long, what a process has not read is given to others.
const STANDS_STILL_AFTER_NS: u64 = 2_000_000_000;

/// Both ends of an inbox.
#[derive(Debug)]
struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

/// The inboxes by seat.
#[derive(Debug, Default)]
pub(super) struct SeatInboxes(BTreeMap<usize, Ends>);

/// A process that connections are forwarded to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipient {
    pub(super) seat: usize,
    pub(super) generation: u64,
}

/// What has become of the messages of an inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// Connections that another process has.
    pub(super) moved: usize,
    /// Connections that nobody could take.
    pub(super) lost: usize,
}

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
        self.0.insert(seat, Ends { read: read.into(), write: write.into() });
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

    /// Reads the inbox of a seat empty, and gives the connections to the processes `to` in turn, as if
    /// they had been sent there. Messages without one are for the process that does not read them any
    /// more.
    pub(super) fn forward(&self, seat: usize, to: &[Recipient], board: &Board) -> Forwarded {
        let mut forwarded = Forwarded::default();
        let Some(ends) = self.0.get(&seat) else { return forwarded };
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let mut turn = to.iter().cycle();
        for _ in 0..MESSAGES_MAX {
            let received = match pass_fd::receive(ends.read.as_fd(), &mut buffer, Wait::Never) {
                Ok(received) if received.length > 0 => received,
                _ => break,
            };
            let [socket] = &received.descriptors[..] else { continue };
            let send = |target: &Recipient| {
                let message = Message::decode(&buffer[..received.length]).ok()?;
                self.send(message, *target, socket.as_fd(), board)
            };
            if turn.by_ref().take(to.len()).any(|target| send(target).is_some()) {
                forwarded.moved += 1;
            } else {
                forwarded.lost += 1;
            }
        }
        forwarded
    }

    /// Sends a connection, and counts it as any other that is sent to the process. Returns whether it
    /// could be sent.
    fn send(
        &self,
        message: Message<'_>,
        to: Recipient,
        socket: BorrowedFd<'_>,
        board: &Board,
    ) -> Option<()> {
        let (inbox, seat) = (self.0.get(&to.seat)?, board.seat(to.seat)?);
        let mut bytes = Vec::with_capacity(MESSAGE_BYTES_MAX);
        Message { to_generation: to.generation, ..message }.encode(&mut bytes);
        seat.add_sent(monotonic_ns());
        let sent = pass_fd::send(inbox.write.as_fd(), &bytes, &[socket], Wait::Never);
        sent.map(drop).map_err(|_| seat.subtract_sent()).ok()
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

    /// Gives connections to others that a process does not read, because it has ended or stands still.
    /// One that has just ended may be sent some after it was reaped.
    pub(super) fn forward_unread(&mut self) {
        let seats: Vec<_> = self.inboxes.writing_ends().map(|(seat, _)| seat).collect();
        for seat in seats {
            let lives = self.workers.values().any(|worker| worker.seat == seat);
            if !lives || self.stands_still(seat) {
                // First, so that nobody sends more.
                self.board.room().clear(seat);
                self.board.waiting().clear(seat);
                self.forward_inbox(seat);
            }
        }
    }

    /// Whether the I/O thread of a process has not run since it was sent a connection a while ago.
    fn stands_still(&self, seat: usize) -> bool {
        self.board.seat(seat).is_some_and(|seat| {
            let since = seat.io_beat().max(seat.unread_since());
            let passed = monotonic_ns().saturating_sub(since);
            seat.unread() > 0 && passed > STANDS_STILL_AFTER_NS
        })
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
    use crate::board::Shape;
    use crate::connection::parcel::{Content, MovedProgress, Parcel, Sender};

    fn board() -> Board {
        Board::create(Shape::new(4, 1, 1), &std::env::temp_dir()).unwrap()
    }

    /// The message that hands a connection with this input over to a process.
    fn connection(input: &[u8], to_generation: u64) -> Vec<u8> {
        let progress = MovedProgress::New { since_ns: 5 };
        let parcel = Parcel { hops: 1, listener: 0, peer: None, progress, input };
        let from = Sender { seat: 0, generation: 1 };
        let mut bytes = Vec::new();
        Message { from, to_generation, content: Content::Connection(parcel) }.encode(&mut bytes);
        bytes
    }

    fn send(inboxes: &SeatInboxes, seat: usize, message: &[u8], socket: Option<BorrowedFd<'_>>) {
        let (_, inbox) = inboxes.writing_ends().find(|(index, _)| *index == seat).unwrap();
        pass_fd::send(inbox, message, socket.as_slice(), Wait::Never).unwrap();
    }

    fn read(inboxes: &SeatInboxes, seat: usize) -> Option<(Vec<u8>, usize)> {
        let mut buffer = [0; 100];
        let inbox = inboxes.reading_end(seat).unwrap();
        let received = pass_fd::receive(inbox, &mut buffer, Wait::Never).ok()?;
        Some((buffer[..received.length].to_vec(), received.descriptors.len()))
    }

    fn inboxes(seats: usize) -> SeatInboxes {
        let mut inboxes = SeatInboxes::default();
        assert!((0..seats).all(|seat| inboxes.ensure(seat).unwrap()));
        inboxes
    }

    #[test]
    fn connections_that_a_dead_process_has_not_read_go_to_the_others_in_turn() {
        let inboxes = inboxes(3);
        let (socket, board) = (inboxes.reading_end(0).unwrap(), board());
        for input in [b"a", b"b", b"c"] {
            send(&inboxes, 1, &connection(input, 7), Some(socket));
        }
        send(&inboxes, 1, b"want", None);
        let to = [(0, 8), (2, 9)].map(|(seat, generation)| Recipient { seat, generation });
        assert_eq!(inboxes.forward(1, &to, &board), Forwarded { moved: 3, lost: 0 });
        // They are meant for, and counted with, the process that they go to.
        assert_eq!(read(&inboxes, 0), Some((connection(b"a", 8), 1)));
        assert_eq!(read(&inboxes, 2), Some((connection(b"b", 9), 1)));
        assert_eq!(read(&inboxes, 0), Some((connection(b"c", 8), 1)));
        assert_eq!([0, 1, 2].map(|seat| read(&inboxes, seat)), [None, None, None]);
        assert_eq!([0, 1, 2].map(|seat| board.seat(seat).unwrap().sent()), [2, 0, 1]);
    }

    #[test]
    fn connections_that_nobody_can_take_are_counted() {
        let (inboxes, board) = (inboxes(2), board());
        let socket = inboxes.reading_end(0).unwrap();
        send(&inboxes, 1, &connection(b"a", 7), Some(socket));
        assert_eq!(inboxes.forward(1, &[], &board), Forwarded { moved: 0, lost: 1 });
        send(&inboxes, 1, b"no message", Some(socket));
        let to = [Recipient { seat: 0, generation: 8 }];
        assert_eq!(inboxes.forward(1, &to, &board), Forwarded { moved: 0, lost: 1 });
        assert_eq!(inboxes.forward(9, &to, &board), Forwarded::default());
        assert_eq!(board.seat(0).unwrap().sent(), 0);
    }

    #[test]
    fn a_seat_keeps_its_inbox() {
        let mut inboxes = inboxes(1);
        send(&inboxes, 0, b"a", None);
        assert!(!inboxes.ensure(0).unwrap());
        assert!(read(&inboxes, 0).is_some());
    }
}
