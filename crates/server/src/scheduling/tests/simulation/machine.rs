//! Simulated worker processes: threads that share a GIL, a queue, and an I/O thread that naps, as the
//! real ones do it, in simulated time.

use std::cell::Cell;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::super::elsewhere::{AttachTimes, Load, Pull, Seats, Shown};
use super::super::level::Level;
use super::super::parallelism::Parallelism;
use super::super::standby::SWITCH_INTERVAL;
use super::super::usage::BLOCKING_CALL;

/// Nanoseconds of simulated time.
pub(super) type Time = u64;

pub(super) fn ns(duration: Duration) -> Time {
    u64::try_from(duration.as_nanos()).unwrap()
}

/// A part of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It computes, and gives way as CPython does.
    Compute(Time),
    /// It computes in C, and never gives way.
    Hold(Time),
    /// It waits without the GIL.
    Block(Time),
}

/// A request on its way through the processes.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) connection: usize,
    /// What its call does, last part first.
    pub(super) phases: Vec<Phase>,
    pub(super) can_move: bool,
    /// It has come from another process, which has reserved a place for it.
    pub(super) is_adopted: bool,
    pub(super) sent_at: Time,
    pub(super) queued_at: Time,
    /// For how long another process could have started it while it waited.
    pub(super) unfair: Time,
}

#[derive(Debug)]
pub(super) enum Thread {
    Parked,
    /// Woken, and waits for the GIL.
    Standby,
    Serves {
        request: Request,
        since: Time,
    },
}

/// What arrives at an I/O thread.
#[derive(Debug)]
pub(super) enum Message {
    Request(Request),
    Parcel(Request),
    Want { from: usize },
    Nothing { from: usize },
}

/// One process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) threads: Vec<Thread>,
    pub(super) queue: VecDeque<Request>,
    /// The thread that has the GIL, since when, and since when it has been computing.
    pub(super) gil: Option<usize>,
    pub(super) slice_began: Time,
    pub(super) gil_version: u64,
    /// The threads that wait for it, and since when.
    pub(super) gil_waiters: VecDeque<(usize, Time)>,
    pub(super) standby: Option<(usize, Time, bool)>,
    pub(super) average_call: Time,
    pub(super) attach_times: AttachTimes,
    pub(super) taken_at: Time,
    pub(super) inbox: VecDeque<Message>,
    pub(super) io: Io,
    pub(super) ticking: bool,
    pub(super) pull: Pull,
    pub(super) level: Level,
    pub(super) window_began: Time,
    pub(super) short_calls: Time,
    pub(super) active: BTreeSet<usize>,
}

/// What an I/O thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Io {
    Waits,
    WillRun,
    Naps,
}

impl Process {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads: (0..threads).map(|_| Thread::Parked).collect(),
            queue: VecDeque::new(),
            gil: None,
            slice_began: 0,
            gil_version: 0,
            gil_waiters: VecDeque::new(),
            standby: None,
            average_call: 0,
            attach_times: AttachTimes::default(),
            taken_at: 0,
            inbox: VecDeque::new(),
            io: Io::Waits,
            ticking: false,
            pull: Pull::default(),
            level: Level::default(),
            window_began: 0,
            short_calls: 0,
            active: BTreeSet::new(),
        }
    }

    pub(super) fn busy(&self) -> usize {
        self.threads.iter().filter(|thread| matches!(thread, Thread::Serves { .. })).count()
    }

    pub(super) fn calls_block(&self) -> bool {
        self.average_call >= ns(BLOCKING_CALL)
    }

    /// As `QueueState::wants_standby`.
    pub(super) fn wants_standby(&self, now: Time) -> bool {
        let is_old = now - self.taken_at >= ns(BLOCKING_CALL);
        let is_adopted = self.queue.front().is_some_and(|request| request.is_adopted);
        let is_long = is_old || self.calls_block() || is_adopted;
        !self.queue.is_empty() && self.standby.is_none() && (self.busy() == 0 || is_long)
    }

    pub(super) fn parked(&self) -> Option<usize> {
        self.threads.iter().position(|thread| matches!(thread, Thread::Parked))
    }

    pub(super) fn load(&self, now: Time) -> Load {
        let age = |since: Time| Duration::from_nanos(now - since);
        let youngest_call = self.threads.iter().filter_map(|thread| match thread {
            Thread::Serves { since, .. } => Some(*since),
            Thread::Parked | Thread::Standby => None,
        });
        Load {
            parallelism: Parallelism::WITH_GIL,
            waiting: self.queue.len(),
            busy: self.busy(),
            free: self.threads.len() - self.busy(),
            average_call: Duration::from_nanos(self.average_call),
            running: youngest_call.max().map_or(Duration::ZERO, age),
            attaching: self.standby.map(|(_, since, _)| age(since)),
            attaches_soon: self.attach_times.are_short(),
        }
    }

    /// Whether a request that were here would start at once, whatever this process believes.
    pub(super) fn could_start_one(&self) -> bool {
        self.queue.is_empty()
            && self.inbox.is_empty()
            && self.gil.is_none()
            && self.standby.is_none()
            && self.parked().is_some()
    }

    /// The requests that wait here, or to be read.
    pub(super) fn waiting(&mut self) -> impl Iterator<Item = &mut Request> {
        let arrived = self.inbox.iter_mut().filter_map(|message| match message {
            Message::Request(request) | Message::Parcel(request) => Some(request),
            Message::Want { .. } | Message::Nothing { .. } => None,
        });
        self.queue.iter_mut().chain(arrived).filter(|request| request.can_move)
    }

    /// The thread that computes reaches this time at the latest before something else happens.
    pub(super) fn slice_end(&self, now: Time, phase: Phase) -> Time {
        let switch = self.gil_waiters.front().map(|(_, since)| since + ns(SWITCH_INTERVAL));
        match (phase, switch) {
            (Phase::Compute(left), Some(switch)) => (now + left).min(switch.max(now)),
            (Phase::Compute(left) | Phase::Hold(left) | Phase::Block(left), _) => now + left,
        }
    }
}

/// What the processes show each other.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) seats: Vec<SeatOnBoard>,
}

#[derive(Debug, Default)]
pub(super) struct SeatOnBoard {
    pub(super) room: Cell<usize>,
    pub(super) has_waiting: Cell<bool>,
    pub(super) oldest: Cell<Option<Time>>,
    pub(super) beat: Cell<Time>,
    pub(super) unread: Cell<u64>,
    pub(super) busy: Cell<usize>,
    pub(super) expected_start: Cell<Duration>,
    pub(super) utilisation: Cell<(u32, Time)>,
    pub(super) open: Cell<u64>,
}

/// The board, as one process sees it at one time.
pub(super) struct View<'a> {
    pub(super) board: &'a Board,
    pub(super) own: usize,
    pub(super) now: Time,
}

impl Seats for View<'_> {
    fn own(&self) -> usize {
        self.own
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        0..self.board.seats.len()
    }

    fn with_room(&self) -> impl Iterator<Item = usize> {
        self.all().filter(|&seat| self.board.seats[seat].room.get() > 0)
    }

    fn with_waiting(&self) -> impl Iterator<Item = usize> {
        self.all().filter(|&seat| self.board.seats[seat].has_waiting.get())
    }

    fn shown(&self, seat: usize) -> Shown {
        let seat = &self.board.seats[seat];
        let (utilisation, told_at) = seat.utilisation.get();
        let is_fresh = self.now - told_at <= 2 * ns(super::super::level::WINDOW);
        Shown {
            is_ready: true,
            beat: Duration::from_nanos(self.now - seat.beat.get()),
            unread: seat.unread.get(),
            busy: seat.busy.get(),
            expected_start: seat.expected_start.get(),
            oldest: Duration::from_nanos(seat.oldest.get().map_or(0, |oldest| self.now - oldest)),
            open: seat.open.get() + seat.unread.get(),
            utilisation: if is_fresh { utilisation } else { 0 },
        }
    }

    fn reserve(&self, seat: usize) -> bool {
        let room = &self.board.seats[seat].room;
        let has_room = room.get() > 0;
        room.set(room.get().saturating_sub(1));
        has_room
    }
}
