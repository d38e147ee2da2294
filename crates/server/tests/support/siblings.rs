//! Several servers of one process that share a board and inboxes, as worker processes do: what moves
//! between them goes through real sockets, with its descriptor.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::os::fd::OwnedFd;
use std::sync::Arc;

use maitred_config::Settings;
use maitred_server::board::{Board, Place, SeatState, Shape, monotonic_ns};
use maitred_server::{Gil, Inboxes, Membership, Server, Telemetry};
use socket2::{Domain, Socket, Type};

use super::support::{App, Served};

/// What the processes share.
pub(crate) struct Shared {
    pub(crate) board: Arc<Board>,
    /// The ends of each inbox: to read, and to write.
    pub(crate) inboxes: Vec<(Socket, Socket)>,
}

impl Shared {
    pub(crate) fn new(seats: usize) -> Self {
        let board = Board::create(Shape::new(seats, 4, 1), &std::env::temp_dir()).unwrap();
        let pair = || Socket::pair(Domain::UNIX, Type::from(SEQPACKET), None).unwrap();
        Self { board: Arc::new(board), inboxes: (0..seats).map(|_| pair()).collect() }
    }

    /// The place of a process, with the inboxes of all.
    pub(crate) fn membership(&self, seat: usize) -> Membership {
        let place = Place::new(Arc::clone(&self.board), seat, seat).unwrap();
        place.seat().begin_anew(seat, 1, monotonic_ns());
        let inboxes = Inboxes::new(self.board.shape().seats());
        inboxes.set_own(OwnedFd::from(self.inboxes[seat].0.try_clone().unwrap()));
        for (other, (_, write)) in self.inboxes.iter().enumerate() {
            inboxes.add(other, OwnedFd::from(write.try_clone().unwrap()));
        }
        Membership { place, generation: 1, inboxes: Arc::new(inboxes) }
    }

    /// A process that serves, and takes what others hand over.
    pub(crate) fn start(&self, seat: usize, settings: &Settings, app: Arc<App>) -> Served {
        let served = self.start_apart(seat, settings, app, Arc::new(Telemetry::new(settings)));
        self.set_state(seat, SeatState::Ready);
        served
    }

    /// A process that serves, and to which nobody hands anything over until its state is set.
    pub(crate) fn start_apart(
        &self,
        seat: usize,
        settings: &Settings,
        app: Arc<App>,
        telemetry: Arc<Telemetry>,
    ) -> Served {
        let membership = self.membership(seat);
        let join = |server: Server| server.among_siblings(membership);
        Served::start_as(settings.clone(), app, Gil::Enabled, telemetry, join)
    }

    /// What the supervisor and the process say of it.
    pub(crate) fn set_state(&self, seat: usize, state: SeatState) {
        self.board.seat(seat).unwrap().set_state(state);
    }

    /// Shows a process that is ready for one request, although there is none.
    pub(crate) fn pretend(&self, seat: usize) {
        let place = self.membership(seat).place;
        place.seat().set_state(SeatState::Ready);
        place.seat().set_room(1);
        self.board.room().set(seat);
    }
}

/// What `socket2` calls `Type::SEQPACKET` needs a feature of it.
const SEQPACKET: i32 = 5;
