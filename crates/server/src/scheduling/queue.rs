//! The queue of requests that wait for a worker thread, and the choice of the thread to wake.
//!
//! Waking a thread costs more than all the Python work of a small request, and two threads that
//! need one interpreter lock contend for it. So a worker that finishes a request takes the next one
//! without releasing the lock, and at most one other worker, the **standby**, waits for the lock.
//! If calls block (longer than [`BLOCKING_CALL`](super::usage::BLOCKING_CALL) on average), the
//! standby is woken as soon as there is work; if they are CPU-bound, only once the running call has
//! exceeded that time, which the I/O thread checks between naps (`nap.rs`). So a CPU-bound
//! application runs on one thread without contention, and one that blocks gets all its threads.
//!
//! On an interpreter without that lock, every request may wake a worker: [`Gil::Disabled`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::Wake;

use super::deferral::Deferral;
use super::parker::Parker;
use super::requester::QueuedRequest;
use super::standby::{CallLength, Gil, QueueState, Sleeper, WorkerState};
use super::usage::Change;
use crate::system::clock::Clock;
use crate::system::mutex::Mutex;
use crate::telemetry::snapshot::Threads;

/// How often a full queue is searched for requests whose clients have left. The search scans the whole
/// queue, so it is not done for every request that finds it full.
const ROOM_SOUGHT_EVERY: Duration = Duration::from_millis(100);

/// The queue, and the slots of the workers that serve it.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<QueueState>,
    /// The length of the queue, readable without the lock.
    length: AtomicUsize,
    limit: usize,
    gil: Gil,
    clock: Arc<Clock>,
    pub(crate) deferral: Arc<Deferral>,
    /// Whether the I/O thread only checks the queue periodically (`nap.rs`). Each arrival then wakes a
    /// worker directly.
    pub(crate) ticking: AtomicBool,
}

/// Why a request could not be queued.
#[derive(Debug)]
pub(crate) enum Refused {
    /// `queue-limit` is reached.
    Full,
    /// The server is ending.
    Closed,
}

impl Queue {
    pub(crate) fn new(limit: usize, gil: Gil, clock: Arc<Clock>, deferral: Arc<Deferral>) -> Self {
        Self {
            state: Mutex::default(),
            length: AtomicUsize::new(0),
            limit,
            gil,
            clock,
            deferral,
            ticking: AtomicBool::new(false),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock()
    }

    /// Adds a worker.
    pub(super) fn enlist(&self, now: Instant) {
        let mut state = self.state();
        state.usage.settle(now);
        state.usage.threads.count += 1;
    }

    /// Queues a request. If calls block, a worker is woken at once. Otherwise, the I/O thread wakes
    /// one after it has read all available input, so that it is not interrupted for each request.
    pub(crate) fn push(&self, waiting: QueuedRequest) -> Result<(), (Refused, Box<QueuedRequest>)> {
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
        let standby = if at_once { self.standby_for(&mut state, CallLength::InTime) } else { None };
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
        self.deferral.attend();
        Ok(())
    }

    /// Removes the requests whose clients have left, to make room. Returns false if there are none, or
    /// if this was tried recently.
    pub(crate) fn make_room(&self, now: Instant) -> bool {
        let mut state = self.state();
        let is_soon = |at| now.saturating_duration_since(at) < ROOM_SOUGHT_EVERY;
        if state.room_sought_at.is_some_and(is_soon) {
            return false;
        }
        state.room_sought_at = Some(now);
        let left: VecDeque<_>;
        let waiting = std::mem::take(&mut state.waiting).into_iter();
        (left, state.waiting) = waiting.partition(|waiting| waiting.has_left(now));
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        drop(state);
        for waiting in &left {
            waiting.requester.abandoned();
        }
        !left.is_empty()
    }

    /// Wakes workers for waiting requests, if no other worker would take them. Called after the I/O
    /// thread has read all available input.
    pub(crate) fn wake(&self) {
        loop {
            let mut state = self.state();
            let standby = self.standby_for(&mut state, CallLength::InTime);
            let more = self.gil == Gil::Disabled && standby.is_some();
            drop(state);
            if let Some(parker) = standby {
                parker.unpark(Wake::Work);
            }
            if !more {
                return;
            }
        }
    }

    /// Chooses a worker to wake, if one should be woken.
    fn standby_for(&self, state: &mut QueueState, call: CallLength) -> Option<Arc<Parker>> {
        if !state.wants_standby(self.gil, call) {
            return None;
        }
        let sleeper = state.parked.pop()?;
        state.standby = Some(sleeper.index);
        Some(sleeper.parker)
    }

    /// Returns the next work for worker `index`, after a request that `ended`, if any, and took this
    /// long. Wakes other workers as needed.
    pub(crate) fn take(
        &self,
        index: usize,
        ended: Option<Duration>,
        work: &mut WorkerState,
        now: Instant,
    ) -> NextRequest {
        let mut state = self.state();
        if state.standby == Some(index) {
            state.standby = None;
        }
        let yields_to_others =
            ended.is_some_and(|lasted| state.yields_to_others(self.gil, lasted, work));
        if let Some(lasted) = ended {
            if !yields_to_others {
                state.usage.called(lasted);
            }
        } else if let Some(woken_at) = work.woken_at.take() {
            state.usage.threads.attach_time += now.saturating_duration_since(woken_at);
        }
        let mut left = Vec::new();
        let next = loop {
            match if yields_to_others { None } else { state.waiting.pop_front() } {
                Some(waiting) if waiting.has_left(now) => left.push(waiting),
                other => break other,
            }
        };
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        match (ended, &next) {
            (None, Some(_)) => state.usage.serves(Change::Begins, now),
            (Some(_), None) => state.usage.serves(Change::Stops, now),
            (None, None) | (Some(_), Some(_)) => {}
        }
        state.taken += u64::from(next.is_some());
        work.taken = state.taken;
        state.set_about_to_park(work, next.as_ref());
        let standby = self.standby_for(&mut state, CallLength::InTime);
        let dismissed = state.dismissed();
        let calls_block = state.usage.calls_block();
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
        for sleeper in dismissed {
            sleeper.parker.unpark(Wake::Closed);
        }
        NextRequest { next, left, calls_block }
    }

    /// Adds a worker to the sleepers, unless there is a reason to stay awake.
    pub(crate) fn park_worker(
        &self,
        index: usize,
        work: &mut WorkerState,
        parker: &Arc<Parker>,
    ) -> Option<Wake> {
        let mut state = self.state();
        state.not_about_to_park(work);
        if state.waiting.is_empty() && state.closed {
            return Some(Wake::Closed);
        }
        if state.wants_standby(self.gil, CallLength::InTime) {
            state.standby = Some(index);
            return Some(Wake::Work);
        }
        if std::mem::take(&mut state.housekeeping_due) {
            return Some(Wake::Housekeeping);
        }
        state.parked.push(Sleeper { index, parker: Arc::clone(parker) });
        None
    }

    /// Removes worker `index`, which was serving or about to sleep. Wakes another one if no other
    /// worker would take the waiting requests.
    pub(crate) fn depart(&self, index: usize, work: &mut WorkerState) {
        let served = work.serving.take().is_some();
        let mut state = self.state();
        if state.standby == Some(index) {
            state.standby = None;
        }
        state.parked.retain(|sleeper| sleeper.index != index);
        state.not_about_to_park(work);
        state.usage.settle(self.clock.instant());
        state.usage.threads.count = state.usage.threads.count.saturating_sub(1);
        state.usage.threads.busy = state.usage.threads.busy.saturating_sub(usize::from(served));
        let standby = self.standby_for(&mut state, CallLength::InTime);
        let dismissed = state.dismissed();
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
        for sleeper in dismissed {
            sleeper.parker.unpark(Wake::Closed);
        }
    }

    /// The current time, for sending deferred responses.
    pub(crate) fn now(&self) -> Instant {
        self.clock.instant()
    }

    /// The number of requests taken so far, to be passed to [`Queue::tick`].
    pub(crate) fn taken(&self) -> u64 {
        self.state().taken
    }

    /// Called periodically while requests wait. Wakes a standby if no request has been taken since
    /// `taken` was read, because the running call is long.
    pub(crate) fn tick(&self, taken: u64) {
        let mut state = self.state();
        let call = if state.taken == taken { CallLength::Overdue } else { CallLength::InTime };
        let standby = self.standby_for(&mut state, call);
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
    }

    /// The approximate number of waiting requests.
    pub(crate) fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether calls are so long on average that they must be blocking.
    pub(crate) fn calls_block(&self) -> bool {
        self.state().usage.calls_block()
    }

    /// The usage of the threads up to now.
    pub(crate) fn threads(&self) -> Threads {
        let mut state = self.state();
        state.usage.settle(self.clock.instant());
        state.usage.threads
    }

    /// When the longest-waiting request was queued.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.state().waiting.front().map(|waiting| waiting.exchange.queued_at)
    }

    /// Removes and returns the requests queued before `limit`.
    pub(crate) fn expire(&self, limit: Instant) -> Vec<QueuedRequest> {
        let mut state = self.state();
        let mut expired = Vec::new();
        while state.waiting.front().is_some_and(|waiting| waiting.exchange.queued_at <= limit) {
            expired.extend(state.waiting.pop_front());
        }
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        expired
    }

    /// Closes the queue; workers end after the waiting requests have been served.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let sleepers = state.dismissed();
        drop(state);
        for sleeper in sleepers {
            sleeper.parker.unpark(Wake::Closed);
        }
    }

    /// Removes and returns all waiting requests, because the server stops immediately.
    pub(crate) fn clear(&self) -> Vec<QueuedRequest> {
        let cleared = self.state().waiting.drain(..).collect();
        self.length.store(0, Ordering::Relaxed);
        cleared
    }

    /// Wakes one sleeping worker for work that needs an attached thread. If none sleeps, the next one
    /// that would do so does this first; while requests wait, workers do it in between.
    pub(crate) fn housekeep(&self) {
        let sleeper = {
            let mut state = self.state();
            let sleeper = if state.waiting.is_empty() { state.parked.pop() } else { None };
            state.housekeeping_due = sleeper.is_none();
            sleeper
        };
        if let Some(sleeper) = sleeper {
            sleeper.parker.unpark(Wake::Housekeeping);
        }
    }
}

/// The next work of a worker.
#[derive(Debug)]
pub(crate) struct NextRequest {
    /// Its next request.
    pub(crate) next: Option<QueuedRequest>,
    /// Requests whose clients have left, to be dropped.
    pub(crate) left: Vec<QueuedRequest>,
    /// Whether calls block on average.
    pub(crate) calls_block: bool,
}
