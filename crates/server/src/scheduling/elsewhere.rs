//! Whether a request should move to another worker process, and to which: the rules, without sockets
//! and shared memory.
//!
//! Threads of one process share a GIL, so a request can wait in one process while another one is
//! idle. Each process therefore shows its **room**: how many more requests would start there within
//! [`WORTH`]. A request that would wait longer than that reserves a place elsewhere, and then moves.
//! It is tried when the request arrives ([`on_arrival`]), at every tick while it waits
//! ([`on_tick`]), and by processes that have run out of work ([`Pull`]). So requests are served
//! as if all processes took them from one queue, but most never move.
//!
//! What other processes show is a hint, seconds old in the worst case: a wrong one costs time, and
//! the next tick corrects it. `tests/simulation.rs` runs these rules against many loads.

use std::time::Duration;

use super::parallelism::{Gil, Parallelism};
use super::siblings::Reservation;
use super::usage::BLOCKING_CALL;

/// A wait shorter than this is not worth moving a request: 80 times the cost of moving one.
pub(crate) const WORTH: Duration = Duration::from_micros(500);

/// A request must not wait longer than this while another process has room, so it is as often that
/// the queue is checked while requests wait.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// A thread that has waited this long for the GIL tells that a call holds it and will not give way:
/// ten switch intervals of CPython.
const STALLED_AFTER: Duration = Duration::from_millis(50);

/// A process whose I/O thread has not run for this long, although connections wait in its inbox, is
/// stopped or swapped out, and is sent no more.
const BEAT_EVERY: Duration = Duration::from_millis(100);

/// How long the answer to a [`Pull`] is awaited before another process is asked.
const PULL_FORGOTTEN_AFTER: Duration = Duration::from_millis(4);

/// The load of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) parallelism: Parallelism,
    /// Requests that wait.
    pub(crate) waiting: usize,
    /// Threads that run a request.
    pub(crate) busy: usize,
    /// Threads that do not.
    pub(crate) free: usize,
    /// The average length of calls.
    pub(crate) average_call: Duration,
    /// The age of the youngest running call.
    pub(crate) running: Duration,
    /// How long a thread that was woken has been waiting for the GIL.
    pub(crate) attaching: Option<Duration>,
    /// Whether threads that were woken while a call ran had the GIL soon ([`AttachTimes`]).
    pub(crate) attaches_soon: bool,
}

impl Load {
    /// How many requests would start within [`WORTH`], those that wait included.
    fn starts_soon(&self) -> usize {
        if self.attaching.is_some_and(|since| since >= WORTH) {
            0
        } else if self.calls_give_way() {
            self.free
        } else {
            self.parallelism.free_cores(self.busy).min(self.free)
        }
    }

    /// Whether calls do not compute all the time, so that others can start beside them.
    fn calls_give_way(&self) -> bool {
        match self.parallelism.gil() {
            Gil::Enabled => self.attaches_soon,
            Gil::Disabled => self.average_call >= BLOCKING_CALL,
        }
    }

    /// How many more requests would start here within [`WORTH`], to be shown to other processes. An
    /// idle process shows room for one only, because what it will run is not known.
    pub(crate) fn room(&self) -> usize {
        match (self.waiting, self.parallelism.gil()) {
            (0, Gil::Enabled) if self.busy == 0 => self.starts_soon().min(1),
            (0, _) => self.starts_soon(),
            _ => 0,
        }
    }

    /// When a request that arrived now would start.
    pub(crate) fn expected_start(&self) -> Duration {
        if self.starts_soon() > self.waiting {
            return Duration::ZERO;
        }
        let ahead = u32::try_from(self.waiting + 1).unwrap_or(u32::MAX);
        let average = self.parallelism.shared(self.average_call.saturating_mul(ahead));
        average.max(self.running).max(self.attaching.unwrap_or_default())
    }

    /// Whether a call holds the GIL and does not give way.
    pub(crate) fn is_stalled(&self) -> bool {
        self.attaching.is_some_and(|since| since >= STALLED_AFTER)
    }
}

/// How long threads have waited for the GIL that were woken while a call ran: it tells calls that
/// compute from calls that wait for something else.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttachTimes {
    average: Duration,
}

impl AttachTimes {
    /// The longest time that counts: CPython's switch interval, so that one call that never gave way
    /// is soon forgotten.
    const LONGEST: Duration = super::standby::SWITCH_INTERVAL;

    /// Records one. The average moves by a quarter.
    pub(crate) fn record(&mut self, took: Duration) {
        self.average = (self.average * 3 + took.min(Self::LONGEST)) / 4;
    }

    /// Whether they had it within [`WORTH`] on average.
    pub(crate) fn are_short(&self) -> bool {
        self.average < WORTH
    }
}

/// What another process shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Whether it serves.
    pub(crate) is_ready: bool,
    /// How long ago its I/O thread last ran.
    pub(crate) beat: Duration,
    /// Connections that were sent to it and not read yet.
    pub(crate) unread: u64,
    /// Threads that run a request.
    pub(crate) busy: usize,
    /// When a request that was sent to it would start.
    pub(crate) expected_start: Duration,
    /// How long its oldest request that may move has waited.
    pub(crate) oldest: Duration,
    /// Open connections, those in its inbox included.
    pub(crate) open: u64,
    /// How busy short calls have kept it lately, in thousandths.
    pub(crate) utilisation: u32,
}

impl Shown {
    /// A process that is not there.
    pub(crate) const GONE: Self = Self {
        is_ready: false,
        beat: Duration::MAX,
        unread: 0,
        busy: 0,
        expected_start: Duration::MAX,
        oldest: Duration::ZERO,
        open: 0,
        utilisation: 0,
    };

    /// Whether anything may be sent to it.
    pub(crate) fn may_be_sent_to(&self) -> bool {
        self.is_ready && (self.unread == 0 || self.beat <= BEAT_EVERY)
    }
}

/// The processes of the server, by the index of their seat.
pub(crate) trait Seats {
    /// The seat of this process.
    fn own(&self) -> usize;
    /// The seats of processes.
    fn all(&self) -> impl Iterator<Item = usize>;
    /// Those that probably have room.
    fn with_room(&self) -> impl Iterator<Item = usize>;
    /// Those where a request that may move probably waits.
    fn with_waiting(&self) -> impl Iterator<Item = usize>;
    /// What the process of a seat shows.
    fn shown(&self, seat: usize) -> Shown;
    /// Reserves a place for one request. Returns whether there was one.
    fn reserve(&self, seat: usize) -> bool;
}

/// Where a request that has just arrived should move. `load` is that of this process without it.
pub(crate) fn on_arrival(load: &Load, seats: &impl Seats) -> Option<(usize, Reservation)> {
    if load.expected_start() < WORTH { None } else { elsewhere(load, seats) }
}

/// Where a request that has waited this long should move.
pub(crate) fn on_tick(
    load: &Load,
    waited: Duration,
    seats: &impl Seats,
) -> Option<(usize, Reservation)> {
    if waited < WORTH { None } else { elsewhere(load, seats) }
}

/// A place for a request that cannot be served here soon. If this process is stalled, anywhere is
/// better.
fn elsewhere(load: &Load, seats: &impl Seats) -> Option<(usize, Reservation)> {
    reserve(seats).or_else(|| {
        let limit = load.is_stalled().then(|| load.expected_start())?;
        soonest(limit, seats)
    })
}

/// Where a request should move that this process must not keep, because it ends.
pub(crate) fn on_retirement(seats: &impl Seats) -> Option<(usize, Reservation)> {
    reserve(seats).or_else(|| soonest(Duration::MAX, seats))
}

/// Where an idle connection should move that this process must not keep: where the fewest are.
pub(crate) fn for_idle_connection(seats: &impl Seats) -> Option<usize> {
    others(seats, seats.all()).min_by_key(|(_, shown)| shown.open).map(|(seat, _)| seat)
}

/// Whether to answer a process that asks for a request with one. A place there is reserved then.
pub(crate) fn on_want(asker: usize, seats: &impl Seats) -> bool {
    asker != seats.own() && seats.shown(asker).may_be_sent_to() && seats.reserve(asker)
}

/// Reserves a place: first where nothing runs, then where there is room. The search begins behind
/// this process's own seat, so that several processes do not all begin at the same one.
fn reserve(seats: &impl Seats) -> Option<(usize, Reservation)> {
    let own = seats.own();
    seats.with_room().find(|&seat| seat != own)?; // there is none under load, for each request
    let ring = || {
        let behind = seats.with_room().filter(move |&seat| seat > own);
        others(seats, behind.chain(seats.with_room().filter(move |&seat| seat < own)))
    };
    let idle = ring().find(|&(seat, shown)| shown.busy == 0 && seats.reserve(seat));
    let reserved = idle.or_else(|| ring().find(|&(seat, _)| seats.reserve(seat)));
    reserved.map(|(seat, _)| (seat, Reservation::Made))
}

/// The process where a request would start soonest, and before `limit`.
fn soonest(limit: Duration, seats: &impl Seats) -> Option<(usize, Reservation)> {
    let start = |shown: &Shown| (shown.expected_start, shown.unread);
    others(seats, seats.all())
        .filter(|(_, shown)| shown.expected_start < limit)
        .min_by_key(|(_, shown)| start(shown))
        .map(|(seat, _)| (seat, Reservation::None))
}

/// Those of other processes that may be sent to.
fn others<S: Seats>(
    seats: &S,
    among: impl Iterator<Item = usize>,
) -> impl Iterator<Item = (usize, Shown)> {
    let own = seats.own();
    among
        .filter(move |&seat| seat != own)
        .map(|seat| (seat, seats.shown(seat)))
        .filter(|(_, shown)| shown.may_be_sent_to())
}

/// Asks other processes for requests, one at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pull {
    /// The seat that was asked last, and when.
    asked: Option<(usize, Duration)>,
    /// The seat that had none, and when it said so.
    refused: Option<(usize, Duration)>,
}

impl Pull {
    /// A thread has found nothing to do: whom to ask, where requests have waited longest. `now` is
    /// the time since any fixed moment.
    pub(crate) fn on_idle(
        &mut self,
        load: &Load,
        now: Duration,
        seats: &impl Seats,
    ) -> Option<usize> {
        let is_recent = |(_, at): (usize, Duration)| now.saturating_sub(at) < PULL_FORGOTTEN_AFTER;
        if load.room() == 0 || self.asked.is_some_and(is_recent) {
            return None;
        }
        let has_just_refused = |seat| {
            let this = |(refused, at): (usize, _)| refused == seat && now.saturating_sub(at) < TICK;
            self.refused.is_some_and(this)
        };
        let (seat, _) = others(seats, seats.with_waiting())
            .filter(|&(seat, _)| !has_just_refused(seat))
            .max_by_key(|(_, shown)| shown.oldest)?;
        self.asked = Some((seat, now));
        Some(seat)
    }

    /// A connection has arrived from a seat, perhaps as the answer.
    pub(crate) fn received(&mut self, from: usize) {
        self.asked.take_if(|(seat, _)| *seat == from);
    }

    /// A seat that was asked has nothing.
    pub(crate) fn refused(&mut self, from: usize, now: Duration) {
        self.asked.take_if(|(seat, _)| *seat == from);
        self.refused = Some((from, now));
    }
}

#[cfg(test)]
#[path = "tests/elsewhere.rs"]
mod tests;
