//! The other worker processes, as the board shows them: implements what the queue asks of them.
//!
//! What this process shows is a word or a bit each, written under the queue's lock; what it reads of
//! others is a hint. Nothing here waits for another process.

use std::cell::LazyCell;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::inboxes::{Inboxes, NotSent};
use super::parcel::{Content, Message, Sender};
use crate::board::{self, Place, SeatState};
use crate::scheduling::elsewhere::{self, Load, Pull, Seats, Shown, WORTH};
use crate::scheduling::level::{Level, WINDOW};
use crate::scheduling::siblings::{Destination, Reservation, Siblings};
use crate::system::mutex::Mutex;
use crate::telemetry::{HandoffReason, Telemetry};

/// A process whose inbox could not be written to is left alone for this long.
const RESTS_FOR: Duration = Duration::from_millis(10);

/// What a server is given that is one of several worker processes.
#[derive(Debug)]
pub struct Membership {
    /// Its place on the board.
    pub place: Place,
    /// How many processes were started before it.
    pub generation: u64,
    /// The inboxes of all of them. Others can be added later.
    pub inboxes: Arc<Inboxes>,
}

/// This process among its siblings.
#[derive(Debug)]
pub(crate) struct SiblingProcesses {
    place: Place,
    generation: u64,
    pub(super) inboxes: Arc<Inboxes>,
    pub(super) telemetry: Arc<Telemetry>,
    /// One moment, as both clocks tell it.
    began: (Instant, u64),
    /// Whether this process takes no requests of others, because it lacks descriptors.
    is_closed: AtomicBool,
    /// Whether it ends.
    retires: AtomicBool,
    pull: Mutex<Pull>,
    level: Mutex<Level>,
    /// Until when each seat rests.
    resting: Box<[AtomicU64]>,
    /// The number of the window in which active connections are counted, and how many there are.
    window: AtomicU32,
    active: AtomicUsize,
    /// Open connections that have been sent to others, or are being sent.
    departing: AtomicUsize,
}

impl SiblingProcesses {
    pub(crate) fn new(membership: Membership, telemetry: Arc<Telemetry>, now: Instant) -> Self {
        let Membership { place, generation, inboxes } = membership;
        let seats = place.board().shape().seats();
        Self {
            place,
            generation,
            inboxes,
            telemetry,
            began: (now, board::monotonic_ns()),
            is_closed: AtomicBool::new(false),
            retires: AtomicBool::new(false),
            pull: Mutex::default(),
            level: Mutex::default(),
            resting: (0..seats).map(|_| AtomicU64::new(0)).collect(),
            window: AtomicU32::new(1),
            active: AtomicUsize::new(0),
            departing: AtomicUsize::new(0),
        }
    }

    /// The place of this process on the board.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The inbox that this process reads, if connections are handed over.
    pub(crate) fn take_inbox(&self) -> Option<OwnedFd> {
        self.inboxes.take_own()
    }

    /// Open connections of all processes, those on their way included: also to this one, which may
    /// accept others before it reads its inbox.
    pub(crate) fn open_connections(&self) -> usize {
        usize::try_from(self.place.board().open_connections()).unwrap_or(usize::MAX)
    }

    /// A time, in nanoseconds of the clock that all processes share.
    pub(super) fn to_ns(&self, instant: Instant) -> u64 {
        let (began, began_ns) = self.began;
        match instant.checked_duration_since(began) {
            Some(after) => began_ns.saturating_add(nanoseconds(after)),
            None => began_ns.saturating_sub(nanoseconds(began.saturating_duration_since(instant))),
        }
    }

    /// The opposite. A time in the future becomes `now`, so that no deadline is postponed by it.
    pub(super) fn to_instant(&self, ns: u64, now: Instant) -> Instant {
        let (began, began_ns) = self.began;
        let instant = match ns.checked_sub(began_ns) {
            Some(after) => began.checked_add(Duration::from_nanos(after)),
            None => began.checked_sub(Duration::from_nanos(began_ns - ns)),
        };
        instant.map_or(now, |instant| instant.min(now))
    }

    /// The message that says this to the process of a seat.
    pub(super) fn message<'a>(&self, seat: usize, content: Content<'a>) -> Message<'a> {
        let own = u16::try_from(self.place.index()).unwrap_or(u16::MAX);
        let to = self.place.board().seat(seat);
        Message {
            from: Sender { seat: own, generation: self.generation },
            to_generation: to.map_or(0, |seat| seat.generation()),
            content,
        }
    }

    /// Whether a message is for this process, or for one that had its seat before.
    pub(crate) fn is_meant(&self, message: &Message<'_>) -> bool {
        message.to_generation == self.generation
    }

    /// The inbox of a seat could not be written to.
    pub(super) fn not_sent(&self, seat: usize, why: NotSent) {
        if let Some(resting) = self.resting.get(seat) {
            let until = board::monotonic_ns().saturating_add(nanoseconds(RESTS_FOR));
            resting.store(until, Ordering::Relaxed);
        }
        self.telemetry.handoff_refused(why.into());
    }

    /// From now on, this process takes no requests of others, because it lacks descriptors.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// It takes them again.
    pub(crate) fn reopen(&self) {
        self.is_closed.store(false, Ordering::Relaxed);
    }

    /// This process has so many open connections.
    pub(crate) fn show_connections(&self, count: usize) {
        self.place.seat().set_open(count as u64);
    }

    /// A connection is about to be sent: if this process dies, it ends where it went.
    pub(super) fn departs(&self) {
        let departing = self.departing.fetch_add(1, Ordering::Relaxed) + 1;
        self.place.seat().set_departing(departing as u64);
    }

    /// A connection has left and is shown as open no more, or could not be sent.
    pub(crate) fn departs_no_more(&self) {
        let departing = self.departing.fetch_sub(1, Ordering::Relaxed) - 1;
        self.place.seat().set_departing(departing as u64);
    }

    /// A request has arrived on a connection, which was last counted in window `seen`.
    pub(super) fn count_active(&self, seen: &mut u32) {
        let window = self.window.load(Ordering::Relaxed);
        if *seen != window {
            *seen = window;
            self.active.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Another process has a thread without work: where to move a request for it.
    pub(crate) fn on_want(&self, asker: usize) -> Option<Destination> {
        let reserved = elsewhere::on_want(asker, &self.view());
        reserved.then_some(Destination {
            seat: asker,
            reservation: Reservation::Made,
            why: HandoffReason::Pull,
        })
    }

    /// Tells a process that asked that there is nothing.
    pub(crate) fn answer_nothing(&self, asker: usize) {
        let message = self.message(asker, Content::Nothing);
        if let Err(why) = self.inboxes.send(asker, &message, None) {
            self.not_sent(asker, why);
        }
    }

    /// A connection has arrived from a seat.
    pub(crate) fn received_from(&self, seat: usize) {
        self.pull.lock().received(seat);
    }

    /// A seat that was asked has nothing.
    pub(crate) fn refused_by(&self, seat: usize) {
        self.pull.lock().refused(seat, now());
    }

    /// This process ends: from now on, every request moves that can.
    pub(crate) fn retire(&self) {
        self.retires.store(true, Ordering::Relaxed);
    }

    /// Whether this process ends.
    pub(crate) fn retires(&self) -> bool {
        self.retires.load(Ordering::Relaxed)
    }

    /// Where a request moves because this process ends.
    pub(crate) fn on_retirement(&self) -> Option<Destination> {
        let (seat, reservation) = elsewhere::on_retirement(&self.view())?;
        Some(Destination { seat, reservation, why: HandoffReason::Retire })
    }

    /// Where an idle connection moves because this process ends.
    pub(crate) fn for_idle_connection(&self) -> Option<Destination> {
        let seat = elsewhere::for_idle_connection(&self.view())?;
        Some(Destination { seat, reservation: Reservation::None, why: HandoffReason::Retire })
    }

    fn view(&self) -> SeatsView<'_> {
        SeatsView { siblings: self, now_ns: LazyCell::new(board::monotonic_ns) }
    }
}

impl Siblings for SiblingProcesses {
    fn beat(&self) {
        self.place.seat().set_io_beat(board::monotonic_ns());
    }

    fn has_room(&self) -> bool {
        let view = self.view();
        view.with_room().any(|seat| seat != view.own() && view.shown(seat).may_be_sent_to())
    }

    fn unmovable_waited(&self, count: u64) {
        self.telemetry.unmovable_waited(count);
    }

    fn show(&self, load: &Load, oldest: Option<Instant>, now: Instant) {
        let (board, index, seat) = (self.place.board(), self.place.index(), self.place.seat());
        let is_closed = self.is_closed.load(Ordering::Relaxed) || self.retires();
        let unread = usize::try_from(seat.unread()).unwrap_or(usize::MAX);
        let room = if is_closed { 0 } else { load.room().saturating_sub(unread) };
        seat.set_room(room as u64);
        if room > 0 {
            board.room().set(index);
        } else {
            board.room().clear(index);
        }
        let start = load.expected_start();
        let shown = if load.is_stalled() { u64::MAX } else { nanoseconds(start) };
        seat.set_expected_start(shown);
        seat.set_busy(load.busy as u64);
        seat.set_waiting(load.waiting as u64);
        seat.set_average_call(nanoseconds(load.average_call));
        match oldest {
            None => {
                seat.set_oldest(0);
                board.waiting().clear(index);
            }
            Some(oldest) => {
                seat.set_oldest(self.to_ns(oldest));
                if start >= WORTH || now.saturating_duration_since(oldest) >= WORTH {
                    board.waiting().set(index);
                }
            }
        }
    }

    fn on_arrival(&self, load: &Load, hops: u8) -> Option<Destination> {
        if self.retires() {
            return self.on_retirement();
        }
        // At most once between two responses, so that connections do not go back and forth.
        let levelled = if hops == 0 { self.level.lock().on_arrival() } else { None };
        if let Some(seat) = levelled
            && self.view().shown(seat).may_be_sent_to()
        {
            return Some(Destination {
                seat,
                reservation: Reservation::None,
                why: HandoffReason::Level,
            });
        }
        let (seat, reservation) = elsewhere::on_arrival(load, &self.view())?;
        Some(Destination { seat, reservation, why: HandoffReason::Arrival })
    }

    fn on_tick(&self, load: &Load, waited: Duration) -> Option<Destination> {
        let (seat, reservation) = elsewhere::on_tick(load, waited, &self.view())?;
        Some(Destination { seat, reservation, why: HandoffReason::Tick })
    }

    fn on_idle(&self, load: &dyn Fn() -> Load) {
        if self.place.board().waiting().iter().next().is_none() {
            return;
        }
        let (load, view) = (load(), self.view());
        let Some(seat) = self.pull.lock().on_idle(&load, now(), &view) else { return };
        let message = self.message(seat, Content::Want);
        if let Err(why) = self.inboxes.send(seat, &message, None) {
            self.refused_by(seat);
            self.not_sent(seat, why);
        }
    }

    fn window_ended(&self, busy: u32) {
        let (seat, view) = (self.place.seat(), self.view());
        seat.set_utilisation(busy.into());
        seat.set_utilisation_at(*view.now_ns);
        self.window.fetch_add(1, Ordering::Relaxed);
        let active = self.active.swap(0, Ordering::Relaxed);
        // The lowest digits of the time differ from process to process.
        self.level.lock().window_ended(busy, active, *view.now_ns, now(), &view);
    }

    fn release(&self, destination: Destination) {
        if destination.reservation == Reservation::Made
            && let Some(seat) = self.place.board().seat(destination.seat)
        {
            seat.release();
        }
    }
}

/// The board at one moment: when the first seat is looked at, which most requests never need.
struct SeatsView<'a> {
    siblings: &'a SiblingProcesses,
    now_ns: LazyCell<u64>,
}

impl SeatsView<'_> {
    fn since(&self, ns: u64) -> Duration {
        Duration::from_nanos(self.now_ns.saturating_sub(ns))
    }
}

impl Seats for SeatsView<'_> {
    fn own(&self) -> usize {
        self.siblings.place.index()
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        self.siblings.inboxes.seats()
    }

    fn with_room(&self) -> impl Iterator<Item = usize> {
        self.siblings.place.board().room().iter()
    }

    fn with_waiting(&self) -> impl Iterator<Item = usize> {
        self.siblings.place.board().waiting().iter()
    }

    fn shown(&self, index: usize) -> Shown {
        let siblings = self.siblings;
        let rests =
            |index: usize| siblings.resting.get(index).map(|until| until.load(Ordering::Relaxed));
        let Some(seat) = siblings.place.board().seat(index) else { return Shown::GONE };
        let is_reachable = siblings.inboxes.has(index) && rests(index) <= Some(*self.now_ns);
        let (unread, oldest) = (seat.unread(), seat.oldest());
        let is_recent = self.since(seat.utilisation_at()) <= 2 * WINDOW;
        Shown {
            is_ready: is_reachable && seat.state() == SeatState::Ready,
            // A process that had nothing to do needs a moment to react to what it was sent.
            beat: self.since(seat.io_beat()).min(self.since(seat.unread_since())),
            unread,
            busy: usize::try_from(seat.busy()).unwrap_or(usize::MAX),
            expected_start: match seat.expected_start() {
                u64::MAX => Duration::MAX,
                start => Duration::from_nanos(start),
            },
            oldest: if oldest == 0 { Duration::ZERO } else { self.since(oldest) },
            open: seat.open_and_unread(),
            utilisation: match seat.utilisation() {
                recent if is_recent => u32::try_from(recent).unwrap_or(u32::MAX),
                _ => 0,
            },
        }
    }

    fn reserve(&self, seat: usize) -> bool {
        self.siblings.place.board().seat(seat).is_some_and(|seat| seat.reserve())
    }
}

/// The time, as [`Pull`] and [`Level`] count it.
fn now() -> Duration {
    Duration::from_nanos(board::monotonic_ns())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
