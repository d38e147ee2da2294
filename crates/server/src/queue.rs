//! Requests that wait for a worker thread, and which thread is woken for them.
//!
//! Waking a thread costs more than all the Python work of a small request, and two threads that
//! want one interpreter lock fight over it. So a worker that is done takes the next request without
//! letting go of the lock, and at most one other, the **standby**, is on its way to it. When calls
//! block (longer than [`BLOCKING_CALL`] on average) the standby is woken as soon as there is work;
//! when they compute, only once the running call has exceeded that time, which the I/O thread finds
//! out while it naps (`nap.rs`). So an application that computes runs on one thread without a
//! fight, and one that blocks gets every thread it has.
//!
//! On an interpreter without that lock every request may wake a worker: [`Lock::None`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::{Exchange, Exchanges, Wake};

use crate::clock::Clock;
use crate::conn::Conn;
use crate::deferral::Deferral;
use crate::parker::Parker;

/// A call of this length or more is taken to wait for something else than the interpreter.
pub(crate) const BLOCKING_CALL: Duration = Duration::from_millis(1);

/// How long a worker serves without letting the interpreter's other threads run, where the
/// application itself never lets them.
const UNINTERRUPTED: Duration = Duration::from_millis(5);

/// A request that has waited this long since its client closed its side has nobody to answer. Until
/// then it may be a client that has only said that it will send no more (RFC 9112 §9.6), and wants
/// its answer.
const HALF_CLOSED_PATIENCE: Duration = Duration::from_millis(100);

/// Whether worker threads share one interpreter lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// One thread at a time runs application code.
    Shared,
    /// All run at once: a free-threaded interpreter, or no interpreter.
    None,
}

/// The queue, and the seats of the workers that serve it.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// The length of the queue, to look at without the lock.
    length: AtomicUsize,
    limit: usize,
    lock: Lock,
    clock: Arc<Clock>,
    pub(crate) deferral: Arc<Deferral>,
    /// The I/O thread looks at the queue only now and then (`nap.rs`): what comes wakes a worker
    /// by itself meanwhile.
    pub(crate) ticking: AtomicBool,
}

/// A request and the connection that it came on.
pub(crate) struct Waiting {
    pub(crate) exchange: Exchange,
    pub(crate) conn: Arc<Conn>,
}

impl Waiting {
    fn has_left(&self, now: Instant) -> bool {
        self.conn.has_left(self.exchange.queued_at, now, HALF_CLOSED_PATIENCE)
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("head", &self.exchange.head).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Workers that sleep, the one that slept last on top: its caches are warmest.
    parked: Vec<Sleeper>,
    /// The worker that has been woken and has not got the interpreter yet.
    standby: Option<usize>,
    /// Workers that have found nothing and are on their way to sleep: they will look once more.
    retiring: usize,
    closed: bool,
    /// How many requests have been taken, ever.
    taken: u64,
    usage: Usage,
}

/// A worker that sleeps.
#[derive(Debug)]
struct Sleeper {
    index: usize,
    parker: Arc<Parker>,
}

/// What worker threads have been doing, exactly, up to `since`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Worker threads that exist.
    pub(crate) threads: usize,
    /// Those that serve a request now.
    pub(crate) busy: usize,
    /// Thread-seconds spent serving.
    pub(crate) busy_time: Duration,
    /// Seconds in which every thread was busy.
    pub(crate) saturated_time: Duration,
    /// Seconds that woken threads waited for the interpreter.
    pub(crate) attach_time: Duration,
    since: Option<Instant>,
    /// A moving average of the length of calls, in nanoseconds.
    average_call_ns: u64,
}

impl Usage {
    /// Counts the time up to `now` for the number of threads that were busy in it.
    fn settle(&mut self, now: Instant) {
        if let Some(since) = self.since {
            let passed = now.saturating_duration_since(since);
            self.busy_time += passed * u32::try_from(self.busy).unwrap_or(u32::MAX);
            if self.threads > 0 && self.busy >= self.threads {
                self.saturated_time += passed;
            }
        }
        self.since = Some(now);
    }

    /// A call has ended. The average moves by an eighth, so that a few calls of another kind
    /// change the picture, and a single one does not.
    fn called(&mut self, length: Duration) {
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX / 8);
        self.average_call_ns = self.average_call_ns - self.average_call_ns / 8 + length / 8;
    }

    fn calls_block(&self) -> bool {
        u128::from(self.average_call_ns) >= BLOCKING_CALL.as_nanos()
    }
}

/// Why a request could not be queued.
#[derive(Debug)]
pub(crate) enum Refused {
    /// As many wait as may.
    Full,
    /// The server is ending.
    Closed,
}

impl Queue {
    pub(crate) fn new(
        limit: usize,
        lock: Lock,
        clock: Arc<Clock>,
        deferral: Arc<Deferral>,
    ) -> Self {
        Self {
            state: Mutex::default(),
            length: AtomicUsize::new(0),
            limit,
            lock,
            clock,
            deferral,
            ticking: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new worker's place.
    pub(crate) fn seat(self: &Arc<Self>, index: usize) -> Arc<Seat> {
        let mut state = self.state();
        let now = self.clock.instant();
        state.usage.settle(now);
        state.usage.threads += 1;
        drop(state);
        Arc::new(Seat {
            queue: Arc::clone(self),
            index,
            parker: Arc::default(),
            work: Mutex::new(Work {
                serving: None,
                has_left: false,
                kept_since: now,
                woken_at: None,
                retiring: false,
            }),
        })
    }

    /// Queues a request. Where calls block, a worker is woken for it now; else the I/O thread wakes
    /// one when it has read everything that has come, so that it is not interrupted for each.
    pub(crate) fn push(&self, waiting: Waiting) -> Result<(), (Refused, Box<Waiting>)> {
        let mut state = self.state();
        if state.closed {
            return Err((Refused::Closed, Box::new(waiting)));
        }
        if state.waiting.len() >= self.limit.saturating_add(state.free()) {
            return Err((Refused::Full, Box::new(waiting)));
        }
        state.waiting.push_back(waiting);
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        let at_once = state.usage.calls_block() || self.ticking.load(Ordering::Relaxed);
        let standby = if at_once { self.standby_for(&mut state, false) } else { None };
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
        self.deferral.attend();
        Ok(())
    }

    /// Wakes workers for what waits, where nobody would take it: the I/O thread has read
    /// everything that has come.
    pub(crate) fn wake(&self) {
        loop {
            let mut state = self.state();
            let standby = self.standby_for(&mut state, false);
            let more = self.lock == Lock::None && standby.is_some();
            drop(state);
            if let Some(parker) = standby {
                parker.unpark(Wake::Work);
            }
            if !more {
                return;
            }
        }
    }

    /// Chooses a worker to wake, where one should be. `overdue` says that the running call has
    /// exceeded [`BLOCKING_CALL`].
    fn standby_for(&self, state: &mut State, overdue: bool) -> Option<Arc<Parker>> {
        let somebody_comes = state.standby.is_some() || state.retiring > 0;
        if state.waiting.is_empty() || (somebody_comes && self.lock == Lock::Shared) {
            return None;
        }
        let nobody_serves = state.usage.busy == 0;
        let wanted =
            nobody_serves || overdue || state.usage.calls_block() || self.lock == Lock::None;
        let sleeper = if wanted { state.parked.pop() } else { None }?;
        state.standby = Some(sleeper.index);
        Some(sleeper.parker)
    }

    /// How many requests have been taken, to be compared by [`Queue::tick`].
    pub(crate) fn taken(&self) -> u64 {
        self.state().taken
    }

    /// Time has passed and requests still wait. Wakes a standby if none has been taken since
    /// `taken` was read: the running call is a long one.
    pub(crate) fn tick(&self, taken: u64) {
        let mut state = self.state();
        let overdue = state.taken == taken;
        let standby = self.standby_for(&mut state, overdue);
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
    }

    /// How many requests wait, roughly.
    pub(crate) fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether calls are so long on average that they must be waiting for something.
    pub(crate) fn calls_block(&self) -> bool {
        self.state().usage.calls_block()
    }

    /// What the threads have been doing, up to now.
    pub(crate) fn usage(&self) -> Usage {
        let mut state = self.state();
        state.usage.settle(self.clock.instant());
        state.usage
    }

    /// When the request that has waited longest began to wait.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.state().waiting.front().map(|waiting| waiting.exchange.queued_at)
    }

    /// Takes out the requests that have waited since before `limit`.
    pub(crate) fn expire(&self, limit: Instant) -> Vec<Waiting> {
        let mut state = self.state();
        let mut expired = Vec::new();
        while state.waiting.front().is_some_and(|waiting| waiting.exchange.queued_at <= limit) {
            expired.extend(state.waiting.pop_front());
        }
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        expired
    }

    /// No more requests are taken; workers end once those that wait have been served.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let sleepers = state.dismissed();
        drop(state);
        for sleeper in sleepers {
            sleeper.parker.unpark(Wake::Closed);
        }
    }

    /// Takes out everything that waits: the server ends at once.
    pub(crate) fn clear(&self) -> Vec<Waiting> {
        let cleared = self.state().waiting.drain(..).collect();
        self.length.store(0, Ordering::Relaxed);
        cleared
    }

    /// Lets one sleeping worker do what only an attached thread can.
    pub(crate) fn housekeep(&self) {
        let sleeper = {
            let mut state = self.state();
            if state.waiting.is_empty() { state.parked.pop() } else { None }
        };
        if let Some(sleeper) = sleeper {
            sleeper.parker.unpark(Wake::Housekeeping);
        }
    }
}

impl State {
    /// Workers that could take a request before those that serve now are done.
    fn free(&self) -> usize {
        self.parked.len() + self.retiring + usize::from(self.standby.is_some())
    }

    /// The sleepers to send home: the queue is closed, and nothing waits any more.
    fn dismissed(&mut self) -> Vec<Sleeper> {
        if self.closed && self.waiting.is_empty() {
            std::mem::take(&mut self.parked)
        } else {
            Vec::new()
        }
    }
}

/// One worker's place at the queue.
#[derive(Debug)]
pub(crate) struct Seat {
    queue: Arc<Queue>,
    pub(crate) index: usize,
    parker: Arc<Parker>,
    work: Mutex<Work>,
}

#[derive(Debug)]
struct Work {
    serving: Option<Serving>,
    /// It has been given up, and another has its place.
    has_left: bool,
    /// Since when the worker has not let go of the interpreter.
    kept_since: Instant,
    woken_at: Option<Instant>,
    /// It has found nothing, and has not begun to wait.
    retiring: bool,
}

/// What a worker is serving.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) conn: Arc<Conn>,
    pub(crate) since: Instant,
}

impl Seat {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this worker is serving, and since when.
    pub(crate) fn serving(&self) -> Option<Serving> {
        self.work().serving.clone()
    }

    /// The worker has gone: it does not count any more.
    pub(crate) fn leave(&self) {
        self.depart(&mut self.work());
    }

    /// The worker is given up as stuck, if it still serves what it took at `since`: it does not
    /// count any more, and finds the queue closed when it comes back.
    pub(crate) fn give_up(&self, since: Instant) -> bool {
        let mut work = self.work();
        let is_stuck = work.serving.as_ref().is_some_and(|serving| serving.since == since);
        if is_stuck {
            self.depart(&mut work);
        }
        is_stuck
    }

    fn depart(&self, work: &mut Work) {
        work.has_left = true;
        let served = work.serving.take();
        let retiring = std::mem::take(&mut work.retiring);
        let mut state = self.queue.state();
        state.retiring -= usize::from(retiring);
        state.usage.settle(self.queue.clock.instant());
        state.usage.threads = state.usage.threads.saturating_sub(1);
        state.usage.busy = state.usage.busy.saturating_sub(usize::from(served.is_some()));
    }
}

impl Exchanges for Seat {
    fn try_next(&self) -> Option<Exchange> {
        let queue = &*self.queue;
        let now = queue.clock.instant();
        let mut work = self.work();
        if work.has_left {
            return None;
        }
        let ended = work.serving.take();
        let mut left = Vec::new();
        let mut state = queue.state();
        if state.standby == Some(self.index) {
            state.standby = None;
        }
        if let Some(ended) = &ended {
            state.usage.called(now.saturating_duration_since(ended.since));
        } else if let Some(woken_at) = work.woken_at.take() {
            state.usage.attach_time += now.saturating_duration_since(woken_at);
        }
        let next = loop {
            match state.waiting.pop_front() {
                Some(waiting) if waiting.has_left(now) => left.push(waiting),
                other => break other,
            }
        };
        queue.length.store(state.waiting.len(), Ordering::Relaxed);
        if ended.is_some() != next.is_some() {
            state.usage.settle(now);
            state.usage.busy = if next.is_some() {
                state.usage.busy + 1
            } else {
                state.usage.busy.saturating_sub(1)
            };
        }
        state.taken += u64::from(next.is_some());
        if next.is_none() != work.retiring {
            work.retiring = next.is_none();
            if work.retiring {
                state.retiring += 1;
            } else {
                state.retiring -= 1;
            }
        }
        let standby = queue.standby_for(&mut state, false);
        let dismissed = state.dismissed();
        let blocks = state.usage.calls_block();
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
        for sleeper in dismissed {
            sleeper.parker.unpark(Wake::Closed);
        }
        work.serving =
            next.as_ref().map(|waiting| Serving { conn: Arc::clone(&waiting.conn), since: now });
        drop(work);
        if let Some(ended) = ended {
            let telemetry = &ended.conn.shared.telemetry;
            telemetry.request_served(now.saturating_duration_since(ended.since));
        }
        for waiting in left {
            waiting.conn.never_answered();
        }
        queue.deferral.settle(next.is_none() || blocks, now);
        if next.is_none() {
            queue.deferral.rouse();
        }
        next.map(|mut waiting| {
            waiting.conn.taken(self.index, now);
            waiting.exchange.taken_at = now;
            waiting.exchange
        })
    }

    fn wait(&self) -> Wake {
        let mut work = self.work();
        let retiring = std::mem::take(&mut work.retiring);
        let has_left = work.has_left;
        drop(work);
        if has_left {
            return Wake::Closed;
        }
        let mut state = self.queue.state();
        state.retiring -= usize::from(retiring);
        if state.waiting.is_empty() {
            if state.closed {
                return Wake::Closed;
            }
        } else if state.standby.is_none() || self.queue.lock == Lock::None {
            state.standby = Some(self.index);
            return Wake::Work;
        }
        state.parked.push(Sleeper { index: self.index, parker: Arc::clone(&self.parker) });
        drop(state);
        let wake = self.parker.park();
        let now = self.queue.clock.instant();
        let mut work = self.work();
        work.kept_since = now;
        work.woken_at = Some(now);
        wake
    }

    fn should_yield(&self) -> bool {
        let mut work = self.work();
        let Some(serving) = &work.serving else { return false };
        let since = serving.since;
        let due = since.saturating_duration_since(work.kept_since) >= UNINTERRUPTED;
        if due {
            work.kept_since = since;
        }
        due
    }
}
