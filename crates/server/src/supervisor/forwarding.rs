//! Forwards connections that a process has been sent and does not read, because it has died or stands
//! still, to others.
//!
//! What no other has room for goes back into the inbox, and is tried again: the others may read again
//! soon, or a new process of the seat is first. The kernel drops a descriptor for which a process has no
//! room, and the connection with it; so without room for one, nothing is read. What is lost all the same
//! is closed, and counted with the requests that had arrived.

use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::SockRef;

use super::inboxes::{Ends, SeatInboxes};
use super::run::Supervisor;
use super::view::WorkerState;
use crate::board::{Board, monotonic_ns};
use crate::connection::lost_parcel::UNREADABLE;
use crate::connection::parcel::{Content, MESSAGE_BYTES_MAX, Message};
use crate::system::pass_fd::{self, Wait};
use crate::system::poll;
use crate::telemetry::cells::Lost;

/// The most messages of one inbox that are forwarded at once: more than fit in.
const MESSAGES_MAX: usize = 1024;

/// After so long, what a process has not read is given to others.
const STANDS_STILL_AFTER_NS: u64 = 2_000_000_000;

/// A process that connections are forwarded to.
#[derive(Clone, Copy, Debug)]
struct Recipient {
    seat: usize,
    generation: u64,
}

/// What has become of the messages of an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Forwarded {
    /// Connections that another process has.
    moved: usize,
    /// What nobody can continue any more.
    lost: Lost,
    /// Why some stay where they are.
    obstacle: Option<Obstacle>,
}

/// Why connections stay in an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// No other process has room for them.
    NoRoom,
    /// The supervisor could not take them out: it has no descriptors left.
    NoDescriptors,
}

impl Obstacle {
    fn in_words(self) -> &'static str {
        match self {
            Self::NoRoom => "no other has room for them",
            Self::NoDescriptors => "the supervisor has no file descriptors left",
        }
    }
}

/// What has become of one message.
enum Passed {
    Moved,
    Lost(Lost),
    /// It is back in the inbox.
    Returned,
    /// It was no connection.
    Dropped,
}

impl SeatInboxes {
    /// Reads the inbox of a seat empty, and gives the connections to the processes `to` in turn, as if
    /// they had been sent there. Messages without one are for the process that does not read them any
    /// more. At the first obstacle, the rest stays.
    fn forward(&self, seat: usize, to: &[Recipient], board: &Board) -> Forwarded {
        let mut forwarded = Forwarded::default();
        let Some(ends) = self.0.get(&seat) else { return forwarded };
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        let mut turn = to.iter().cycle();
        for _ in 0..MESSAGES_MAX {
            // The place of the descriptor that the message may have.
            let Ok(reserve) = ends.read.try_clone() else {
                forwarded.obstacle = ends.is_readable().then_some(Obstacle::NoDescriptors);
                break;
            };
            drop(reserve);
            let received = match pass_fd::receive(ends.read.as_fd(), &mut buffer, Wait::Never) {
                Ok(received) if received.length > 0 => received,
                _ => break,
            };
            let socket = received.descriptors.first().map(AsFd::as_fd);
            let mut pass_on = |message: Message<'_>, socket: BorrowedFd<'_>| {
                let send = |target: &Recipient| self.send(message, *target, socket, board);
                turn.by_ref().take(to.len()).any(|target| send(target).is_some())
            };
            match pass(&buffer[..received.length], socket, ends, &mut pass_on) {
                Passed::Moved => forwarded.moved += 1,
                Passed::Lost(lost) => forwarded.lost.add(lost),
                Passed::Returned => {
                    forwarded.obstacle = Some(Obstacle::NoRoom);
                    break;
                }
                Passed::Dropped => continue,
            }
            if let Some(seat) = board.seat(seat) {
                seat.subtract_sent();
            }
        }
        if let (None, Some(seat)) = (forwarded.obstacle, board.seat(seat)) {
            seat.set_sent(seat.adopted());
        }
        forwarded
    }

    /// Notes what keeps the connections in the inbox of a seat there, and returns it if that is new.
    fn note(&mut self, seat: usize, obstacle: Option<Obstacle>) -> Option<Obstacle> {
        let ends = self.0.get_mut(&seat)?;
        let known = std::mem::replace(&mut ends.obstacle, obstacle);
        obstacle.filter(|_| known.is_none())
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

impl Ends {
    /// Whether a message is there.
    fn is_readable(&self) -> bool {
        poll::readable(&[self.read.as_fd()], Duration::ZERO).is_ok_and(|ready| ready == [true])
    }
}

/// Passes a message on, with the socket of its connection, or puts it back into its inbox.
fn pass(
    bytes: &[u8],
    socket: Option<BorrowedFd<'_>>,
    ends: &Ends,
    pass_on: &mut dyn FnMut(Message<'_>, BorrowedFd<'_>) -> bool,
) -> Passed {
    let lost = match (Message::decode(bytes), socket) {
        (Ok(message @ Message { content: Content::Connection(parcel), .. }), Some(socket)) => {
            if pass_on(message, socket) {
                return Passed::Moved;
            }
            if pass_fd::send(ends.write.as_fd(), bytes, &[socket], Wait::Never).is_ok() {
                return Passed::Returned;
            }
            parcel.lost()
        }
        (Ok(Message { content: Content::Connection(parcel), .. }), None) => parcel.lost(),
        // Only connections are sent with a descriptor.
        (Err(_), Some(_)) => UNREADABLE,
        (Ok(_), _) | (Err(_), None) => return Passed::Dropped,
    };
    // Its client shall see the end, whoever else has inherited the socket. Who has left sees nothing.
    let _ = socket.map(|socket| SockRef::from(&socket).shutdown(Shutdown::Both));
    Passed::Lost(lost)
}

impl Supervisor {
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

    /// Gives the connections that were sent to a process which does not read them to others. Its bits
    /// have been cleared, so nobody sends it more.
    pub(super) fn forward_inbox(&mut self, seat: usize) {
        let others = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.seat != seat && worker.state == WorkerState::Ready);
        let others: Vec<_> = others
            .map(|(&serial, worker)| Recipient { seat: worker.seat, generation: serial })
            .collect();
        if others.is_empty() {
            return; // the next process of the seat has them
        }
        let Forwarded { lost, obstacle, .. } = self.inboxes.forward(seat, &others, &self.board);
        let number = self.board.seat(seat).map_or(0, |seat| seat.number());
        if lost.connections > 0 {
            self.view.lost_on_the_way(usize::try_from(number).unwrap_or(0), &lost);
            tracing::error!(
                target: "maitred",
                worker = number,
                connections = lost.connections,
                requests = lost.requests.len(),
                "connections on their way to a worker process are lost, and closed"
            );
        }
        if let Some(obstacle) = self.inboxes.note(seat, obstacle) {
            tracing::warn!(
                target: "maitred",
                worker = number,
                "connections on their way to a worker process that does not read them wait: {}",
                obstacle.in_words()
            );
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
        message(MovedProgress::New { since_ns: 5 }, input, to_generation)
    }

    fn message(progress: MovedProgress, input: &[u8], to_generation: u64) -> Vec<u8> {
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
        let forwarded = inboxes.forward(1, &to, &board);
        assert_eq!(forwarded, Forwarded { moved: 3, ..Forwarded::default() });
        // They are meant for, and counted with, the process that they go to.
        assert_eq!(read(&inboxes, 0), Some((connection(b"a", 8), 1)));
        assert_eq!(read(&inboxes, 2), Some((connection(b"b", 9), 1)));
        assert_eq!(read(&inboxes, 0), Some((connection(b"c", 8), 1)));
        assert_eq!([0, 1, 2].map(|seat| read(&inboxes, seat)), [None, None, None]);
        assert_eq!([0, 1, 2].map(|seat| board.seat(seat).unwrap().sent()), [2, 0, 1]);
    }

    #[test]
    fn connections_that_nobody_has_room_for_stay_until_somebody_has() {
        let (inboxes, board) = (inboxes(2), board());
        let socket = inboxes.reading_end(0).unwrap();
        let to = [Recipient { seat: 0, generation: 8 }];
        let (_, full) = inboxes.writing_ends().next().unwrap();
        let fill = |_: &_| pass_fd::send(full, b"want", &[], Wait::Never).is_ok();
        let filled = std::iter::repeat(()).take_while(fill).count();
        for input in [b"a", b"b"] {
            send(&inboxes, 1, &connection(input, 7), Some(socket));
            board.seat(1).unwrap().add_sent(0);
        }
        let stays = Forwarded { obstacle: Some(Obstacle::NoRoom), ..Forwarded::default() };
        assert_eq!(inboxes.forward(1, &to, &board), stays);
        let unread = || [0, 1].map(|seat| board.seat(seat).unwrap().unread());
        assert_eq!(unread(), [0, 2]);
        for _ in 0..filled {
            read(&inboxes, 0);
        }
        assert_eq!(inboxes.forward(1, &to, &board).moved, 2);
        assert_eq!(unread(), [2, 0]);
        // The first was put behind the second.
        assert_eq!(read(&inboxes, 0), Some((connection(b"b", 8), 1)));
        assert_eq!(read(&inboxes, 0), Some((connection(b"a", 8), 1)));
    }

    #[test]
    fn what_keeps_connections_in_an_inbox_is_told_once() {
        let mut inboxes = inboxes(1);
        let told = [Some(Obstacle::NoRoom), Some(Obstacle::NoRoom), None, Some(Obstacle::NoRoom)]
            .map(|obstacle| inboxes.note(0, obstacle).is_some());
        assert_eq!(told, [true, false, false, true]);
    }

    #[test]
    fn connections_that_nobody_can_continue_are_lost_with_their_requests_and_closed() {
        let (inboxes, board) = (inboxes(2), board());
        let to = [Recipient { seat: 0, generation: 8 }];
        // One that nobody can read, and one whose descriptor the kernel has dropped.
        let (mut client, socket) = std::os::unix::net::UnixStream::pair().unwrap();
        send(&inboxes, 1, b"no message", Some(socket.as_fd()));
        let progress = MovedProgress::Queued { began_ns: 5, queued_at_ns: 6 };
        send(&inboxes, 1, &message(progress, b"PUT / HTTP/1.1\r\n\r\n", 7), None);
        let lost = Lost { connections: 2, requests: vec!["PUT".into()], waiting: 0 };
        let forwarded = inboxes.forward(1, &to, &board);
        assert_eq!(forwarded, Forwarded { lost, ..Forwarded::default() });
        // Also while somebody else has the socket.
        assert_eq!(std::io::Read::read(&mut client, &mut [0]).unwrap(), 0);
        assert_eq!(inboxes.forward(9, &to, &board), Forwarded::default());
        assert_eq!(board.seat(0).unwrap().sent(), 0);
    }
}
