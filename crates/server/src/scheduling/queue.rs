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
//! On an interpreter without that lock, the same rules hold for as many calls as there are cores
//! (`parallelism.rs`).
//!
//! A worker process shows its load to its siblings, and requests may move to them: `hand_over.rs`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::Wake;

use super::deferral::Deferral;
use super::parallelism::Parallelism;
use super::parker::Parker;
use super::requester::{Mobility, Origin, QueuedRequest};
use super::siblings::{Destination, Siblings};
use super::standby::{CallLength, QueueState, Sleeper, SlotState};
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
    pub(super) length: AtomicUsize,
    limit: usize,
    pub(super) clock: Arc<Clock>,
    /// The other worker processes, if this is one of several.
    pub(super) siblings: Option<Arc<dyn Siblings>>,
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
    pub(crate) fn new(
        limit: usize,
        parallelism: Parallelism,
        clock: Arc<Clock>,
        deferral: Arc<Deferral>,
    ) -> Self {
        Self {
            state: Mutex::new(QueueState::new(parallelism)),
            length: AtomicUsize::new(0),
            limit,
            clock,
            siblings: None,
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
    ///
    /// Returns where the request should move at once: the caller hands it over
    /// ([`Queue::hand_over_arrived`]) as soon as it has read all available input of the connection.
    pub(crate) fn push(
        &self,
        request: QueuedRequest,
    ) -> Result<Option<Destination>, (Refused, Box<QueuedRequest>)> {
        let state = self.state();
        let is_full = state.waiting.len() >= self.limit.saturating_add(state.free());
        // A process that had room has answered for an adopted request.
        if !state.closed && is_full && request.origin == Origin::Here {
            return Err((Refused::Full, Box::new(request)));
        }
        let now = match request.origin {
            Origin::Here => request.exchange.queued_at,
            Origin::Adopted => self.clock.instant(),
        };
        let destination = match (&self.siblings, request.origin, request.mobility) {
            (Some(siblings), Origin::Here, Mobility::Movable { hops }) => {
                siblings.on_arrival(&state.load(now), hops)
            }
            _ => None,
        };
        self.admit(state, request, destination, now)?;
        Ok(destination)
    }

    /// Adds a request by its age, and wakes who should serve it if it stays.
    #[inline(always)] // so that the request, which is large, is not copied once more
    pub(super) fn admit(
        &self,
        mut state: MutexGuard<'_, QueueState>,
        request: QueuedRequest,
        moves_to: Option<Destination>,
        now: Instant,
    ) -> Result<(), (Refused, Box<QueuedRequest>)> {
        if state.closed {
            return Err((Refused::Closed, Box::new(request)));
        }
        let is_adopted = request.origin == Origin::Adopted;
        state.insert(request);
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        let call = state.call_length(now);
        let at_once = is_adopted
            || call == CallLength::Overdue
            || state.usage.calls_block()
            || self.ticking.load(Ordering::Relaxed);
        let standby =
            if moves_to.is_none() && at_once { self.standby_for(&mut state, call) } else { None };
        self.show(&mut state, now);
        let patient = state.patient_workers();
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
        for requester in patient {
            requester.requests_wait();
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
        (left, state.waiting) = waiting.partition(|waiting| waiting.has_left());
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        self.show(&mut state, now);
        drop(state);
        for waiting in &left {
            waiting.requester.abandoned();
        }
        !left.is_empty()
    }

    /// Wakes a worker for waiting requests, if no other worker would take them. Called after the I/O
    /// thread has read all available input.
    pub(crate) fn wake(&self) {
        let standby = self.standby_for(&mut self.state(), CallLength::InTime);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
    }

    /// Chooses a worker to wake, if one should be woken.
    fn standby_for(&self, state: &mut QueueState, call: CallLength) -> Option<Arc<Parker>> {
        if !state.wants_standby(call) {
            return None;
        }
        let sleeper = state.parked.pop()?;
        self.set_standby(state, sleeper.index);
        Some(sleeper.parker)
    }

    /// Gives worker `index` its next work, after a request that `ended`, if any, and took this long.
    /// Wakes other workers as needed. A request is written to its place at once, because it is large.
    pub(crate) fn take(
        &self,
        index: usize,
        ended: Option<Duration>,
        work: &mut SlotState,
        now: Instant,
        given: &mut NextWork,
    ) {
        let mut state = self.state();
        if state.standby == Some(index) {
            state.standby_attached(work.woken_at, now);
        }
        let yields_to_others = ended.is_some_and(|lasted| state.yields_to_others(lasted, work));
        if let Some(lasted) = ended {
            if !yields_to_others {
                state.usage.called(lasted);
            }
        } else if let Some(woken_at) = work.woken_at.take() {
            state.usage.threads.attach_time += now.saturating_duration_since(woken_at);
        }
        if !yields_to_others {
            while state.waiting.front().is_some_and(QueuedRequest::has_left) {
                given.left.extend(state.waiting.pop_front());
            }
            given.request = state.waiting.pop_front();
        }
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        match (ended, &given.request) {
            (None, Some(_)) => state.usage.serves(Change::Begins, now),
            (Some(_), None) => state.usage.serves(Change::Stops, now),
            (None, None) | (Some(_), Some(_)) => {}
        }
        if given.request.is_some() {
            state.taken += 1;
            state.taken_at = Some(now);
            work.has_served = true;
        }
        work.taken = state.taken;
        state.set_about_to_park(work, given.request.as_ref());
        let standby = self.standby_for(&mut state, CallLength::InTime);
        let dismissed = state.dismissed();
        given.calls_block = state.usage.calls_block();
        given.is_short_of_requests = state.is_short_of_requests();
        self.show(&mut state, now);
        drop(state);
        if let Some(parker) = standby {
            parker.unpark(Wake::Work);
        }
        for sleeper in dismissed {
            sleeper.parker.unpark(Wake::Closed);
        }
    }

    /// Adds a worker to the sleepers, unless there is a reason to stay awake.
    pub(crate) fn park_worker(
        &self,
        index: usize,
        work: &mut SlotState,
        parker: &Arc<Parker>,
        housekeeping_due: &AtomicBool,
    ) -> Option<Wake> {
        let mut state = self.state();
        state.not_about_to_park(work);
        if state.waiting.is_empty() && state.closed {
            return Some(Wake::Closed);
        }
        if state.wants_standby(CallLength::InTime) {
            self.set_standby(&mut state, index);
            return Some(Wake::Work);
        }
        let is_due_here = housekeeping_due.swap(false, Ordering::Relaxed);
        if std::mem::take(&mut state.housekeeping_due) || is_due_here {
            return Some(Wake::Housekeeping);
        }
        let has_served = std::mem::take(&mut work.has_served);
        state.parked.push(Sleeper { index, parker: Arc::clone(parker), has_served });
        None
    }

    /// Removes worker `index`, which was serving or about to sleep. Wakes another one if no other
    /// worker would take the waiting requests.
    pub(crate) fn depart(&self, index: usize, work: &mut SlotState) {
        let served = work.serving.take().is_some();
        let mut state = self.state();
        let now = self.clock.instant();
        if state.standby == Some(index) {
            state.standby_attached(None, now);
        }
        state.parked.retain(|sleeper| sleeper.index != index);
        state.not_about_to_park(work);
        state.usage.settle(now);
        state.usage.threads.count = state.usage.threads.count.saturating_sub(1);
        state.usage.threads.busy = state.usage.threads.busy.saturating_sub(usize::from(served));
        let standby = self.standby_for(&mut state, CallLength::InTime);
        let dismissed = state.dismissed();
        self.show(&mut state, now);
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
        self.set_length(&mut state);
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
        let mut state = self.state();
        let cleared = state.waiting.drain(..).collect();
        self.set_length(&mut state);
        cleared
    }
}

/// The next work of a worker.
#[derive(Debug, Default)]
pub(crate) struct NextWork {
    /// Its next request.
    pub(crate) request: Option<QueuedRequest>,
    /// Requests whose clients have left, to be dropped.
    pub(crate) left: Vec<QueuedRequest>,
    /// Whether calls block on average.
    pub(crate) calls_block: bool,
    /// Whether nothing else waits, although another worker could serve at the same time.
    pub(crate) is_short_of_requests: bool,
}
