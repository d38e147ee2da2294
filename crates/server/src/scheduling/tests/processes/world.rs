//! What the processes of the model share: what each shows on the board, and the inboxes. A process
//! decides by the rules of `elsewhere`, as `connection/siblings.rs` does.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::elsewhere::{self, Load, Pull, Seats, Shown, WORTH};
use super::super::requester::{Origin, QueuedRequest, Requester};
use super::super::siblings::{Destination, Reservation, Siblings};
use crate::system::mutex::Mutex;
use crate::telemetry::{HandoffReason, RejectReason};

/// All that is shared.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) seats: Vec<Seat>,
    pub(super) inboxes: Vec<VecDeque<Message>>,
    /// By process: the request that its I/O thread has taken out of the queue to send it.
    pub(super) leaving: Vec<Option<(Box<QueuedRequest>, Destination)>>,
    /// By request: how often a worker has taken it.
    pub(super) taken: Vec<usize>,
}

/// What the board shows of a process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Seat {
    pub(super) life: Life,
    room: usize,
    unread: usize,
    busy: usize,
    expected_start: Duration,
    /// Whether a request waits there that may move.
    waits: bool,
}

/// How far a process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Ready,
    /// Nobody sends it more, as far as he looks.
    Retiring,
    /// It has ended.
    Gone,
}

/// What stands in an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Message {
    pub(super) from: usize,
    pub(super) content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Content {
    Request(usize),
    Want,
    Nothing,
}

impl World {
    pub(super) fn new(processes: usize, requests: usize) -> Arc<Mutex<Self>> {
        let seat = Seat {
            life: Life::Ready,
            room: 1,
            unread: 0,
            busy: 0,
            expected_start: Duration::ZERO,
            waits: false,
        };
        Arc::new(Mutex::new(Self {
            seats: vec![seat; processes],
            inboxes: vec![VecDeque::new(); processes],
            leaving: (0..processes).map(|_| None).collect(),
            taken: vec![0; requests],
        }))
    }

    /// Puts a message into an inbox, whoever reads it.
    pub(super) fn send(&mut self, to: usize, message: Message) {
        if matches!(message.content, Content::Request(_)) {
            self.seats[to].unread += 1;
        }
        self.inboxes[to].push_back(message);
    }

    /// The next message of an inbox.
    pub(super) fn receive(&mut self, at: usize) -> Option<Message> {
        let message = self.inboxes[at].pop_front()?;
        if matches!(message.content, Content::Request(_)) {
            self.seats[at].unread -= 1;
        }
        Some(message)
    }

    /// What a process has not read when it has ended, the supervisor gives to those that are ready.
    pub(super) fn forward(&mut self, from: usize) {
        // First, so that nobody sends more.
        (self.seats[from].room, self.seats[from].waits) = (0, false);
        let is_ready = |seat: &usize| self.seats[*seat].life == Life::Ready;
        let ready: Vec<_> = (0..self.seats.len()).filter(is_ready).collect();
        let mut turn = ready.iter().cycle();
        while let Some(message) = self.receive(from) {
            if matches!(message.content, Content::Request(_)) {
                let to = turn.next().expect("one process is always ready");
                self.send(*to, message);
            }
        }
    }
}

/// One process, as its queue knows the others.
#[derive(Debug)]
pub(super) struct Process {
    own: usize,
    world: Arc<Mutex<World>>,
    retires: AtomicBool,
    pull: Mutex<Pull>,
}

impl Process {
    pub(super) fn new(own: usize, world: &Arc<Mutex<World>>) -> Self {
        let world = Arc::clone(world);
        Self { own, world, retires: AtomicBool::new(false), pull: Mutex::default() }
    }

    pub(super) fn retire(&self) {
        self.retires.store(true, Ordering::Relaxed);
    }

    pub(super) fn retires(&self) -> bool {
        self.retires.load(Ordering::Relaxed)
    }

    /// Which process was asked, and which has refused.
    pub(super) fn asked(&self) -> String {
        format!("{:?}", *self.pull.lock())
    }

    pub(super) fn on_retirement(&self) -> Option<Destination> {
        let (seat, reservation) = elsewhere::on_retirement(&self.view())?;
        Some(Destination { seat, reservation, why: HandoffReason::Retire })
    }

    pub(super) fn on_want(&self, asker: usize) -> Option<Destination> {
        let to =
            Destination { seat: asker, reservation: Reservation::Made, why: HandoffReason::Pull };
        elsewhere::on_want(asker, &self.view()).then_some(to)
    }

    pub(super) fn received_from(&self, seat: usize) {
        self.pull.lock().received(seat);
    }

    pub(super) fn refused_by(&self, seat: usize) {
        self.pull.lock().refused(seat, Duration::ZERO);
    }

    fn view(&self) -> View<'_> {
        View { own: self.own, world: &self.world }
    }
}

impl Siblings for Process {
    fn beat(&self) {}

    fn show(&self, load: &Load, oldest: Option<Instant>, _: Instant) {
        let seat = &mut self.world.lock().seats[self.own];
        let room = load.room().saturating_sub(seat.unread);
        seat.room = if self.retires() { 0 } else { room };
        seat.expected_start = load.expected_start();
        seat.busy = load.busy;
        seat.waits = oldest.is_some();
    }

    fn on_arrival(&self, load: &Load, _: u8) -> Option<Destination> {
        if self.retires() {
            return self.on_retirement();
        }
        let (seat, reservation) = elsewhere::on_arrival(load, &self.view())?;
        Some(Destination { seat, reservation, why: HandoffReason::Arrival })
    }

    fn on_tick(&self, load: &Load, _: Duration) -> Option<Destination> {
        // The clock stands still, but it has waited.
        let (seat, reservation) = elsewhere::on_tick(load, WORTH, &self.view())?;
        Some(Destination { seat, reservation, why: HandoffReason::Tick })
    }

    fn on_idle(&self, load: &dyn Fn() -> Load) {
        let asked = self.pull.lock().on_idle(&load(), Duration::ZERO, &self.view());
        if let Some(seat) = asked {
            let want = Message { from: self.own, content: Content::Want };
            self.world.lock().send(seat, want);
        }
    }

    fn window_ended(&self, _: u32) {}

    fn has_room(&self) -> bool {
        false
    }

    fn unmovable_waited(&self, _: u64) {}

    fn release(&self, to: Destination) {
        if to.reservation == Reservation::Made {
            self.world.lock().seats[to.seat].room += 1;
        }
    }
}

/// The board, as one process sees it.
struct View<'a> {
    own: usize,
    world: &'a Mutex<World>,
}

impl View<'_> {
    fn those(&self, are: impl Fn(&Seat) -> bool) -> impl Iterator<Item = usize> {
        let world = self.world.lock();
        let those = world.seats.iter().enumerate().filter(|(_, seat)| are(seat));
        those.map(|(index, _)| index).collect::<Vec<_>>().into_iter()
    }
}

impl Seats for View<'_> {
    fn own(&self) -> usize {
        self.own
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        self.those(|_| true)
    }

    fn with_room(&self) -> impl Iterator<Item = usize> {
        self.those(|seat| seat.room > 0)
    }

    fn with_waiting(&self) -> impl Iterator<Item = usize> {
        self.those(|seat| seat.waits)
    }

    fn shown(&self, seat: usize) -> Shown {
        let seat = self.world.lock().seats[seat].clone();
        Shown {
            is_ready: seat.life == Life::Ready,
            beat: Duration::ZERO,
            unread: seat.unread as u64,
            busy: seat.busy,
            expected_start: seat.expected_start,
            oldest: if seat.waits { WORTH } else { Duration::ZERO },
            open: seat.unread as u64,
            utilisation: 0,
        }
    }

    fn reserve(&self, seat: usize) -> bool {
        let seat = &mut self.world.lock().seats[seat];
        let less = seat.room.checked_sub(1);
        less.map(|less| seat.room = less).is_some()
    }
}

/// A connection on which one request waits: it leaves its process with it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) request: usize,
    pub(super) at: usize,
    pub(super) world: Arc<Mutex<World>>,
}

impl Requester for Connection {
    fn has_left(&self) -> bool {
        false
    }

    fn abandoned(&self) {}

    fn reject_overloaded(&self, why: RejectReason) {
        panic!("request {} was rejected: {why:?}", self.request);
    }

    fn taken(&self, _: usize, _: Duration, _: Instant) {
        self.world.lock().taken[self.request] += 1;
    }

    fn served(&self, _: Duration) {}

    fn time_out(&self, _: usize, _: Instant) {}

    fn requests_wait(&self) {}

    fn flush(&self, _: Instant) {}

    fn hand_over(
        self: Arc<Self>,
        request: Box<QueuedRequest>,
        to: Destination,
    ) -> Result<(), Box<QueuedRequest>> {
        let before = self.world.lock().leaving[self.at].replace((request, to));
        assert!(before.is_none(), "the I/O thread sends one after the other");
        Ok(()) // what comes of it is a step of its own
    }
}

/// Whether a request comes from another process.
pub(super) fn is_adopted(request: &QueuedRequest) -> bool {
    request.origin == Origin::Adopted
}
