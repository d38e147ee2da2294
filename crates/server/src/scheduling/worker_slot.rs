//! One worker's place at the queue: what it is serving, and how it gets its next request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use maitred_http_parser::exchange::{Exchange, Exchanges, Housekeeper, Wake};

use super::deferral::Settle;
use super::parker::Parker;
use super::queue::{NextWork, Queue};
use super::standby::{RunningRequest, SlotState, UNINTERRUPTED};
#[cfg(unix)]
use crate::board::{Place, monotonic_ns};
use crate::system::clock::Clock;
use crate::system::mutex::Mutex;

/// A worker's place at the queue.
#[derive(Debug)]
pub(crate) struct WorkerSlot {
    queue: Arc<Queue>,
    clock: Arc<Clock>,
    pub(crate) index: usize,
    pub(crate) parker: Arc<Parker>,
    work: Mutex<SlotState>,
    /// Whether the worker should let other Python threads run after this request.
    yields: AtomicBool,
    /// Whether there is work that needs this thread, and it did not sleep.
    housekeeping_due: AtomicBool,
    /// Where a supervisor sees what the worker is serving: the board, and which slot of the seat.
    #[cfg(unix)]
    place: Option<(Place, usize)>,
}

impl WorkerSlot {
    /// Adds a worker to `queue`.
    pub(crate) fn take(queue: &Arc<Queue>, clock: &Arc<Clock>, index: usize) -> Self {
        let now = clock.instant();
        queue.enlist(now);
        Self {
            queue: Arc::clone(queue),
            clock: Arc::clone(clock),
            index,
            parker: Arc::default(),
            work: Mutex::new(SlotState::new(now)),
            yields: AtomicBool::new(false),
            housekeeping_due: AtomicBool::new(false),
            #[cfg(unix)]
            place: None,
        }
    }

    /// The same, shown to a supervisor.
    #[cfg(unix)]
    pub(crate) fn shown_at(self, place: Option<(Place, usize)>) -> Self {
        Self { place, ..self }
    }

    /// In which slot of the seat it is shown.
    #[cfg(unix)]
    pub(crate) fn shown_in(&self) -> Option<usize> {
        self.place.as_ref().map(|(_, slot)| *slot)
    }

    /// The request that it serves has been answered without it.
    #[cfg(unix)]
    pub(crate) fn show_answered(&self) {
        if let Some((place, slot)) = &self.place
            && let Some(slot) = place.seat().slot(*slot)
        {
            slot.answered();
        }
    }

    /// Shows which request the worker serves from now on: if the process dies, the supervisor tells.
    #[cfg(unix)]
    fn show(&self, exchange: Option<&Exchange>) {
        let Some((place, slot)) = &self.place else { return };
        let Some(slot) = place.seat().slot(*slot) else { return };
        match exchange {
            Some(exchange) => {
                let head = &exchange.head;
                let id = exchange.request_id.as_deref().unwrap_or_default();
                let thread = u16::try_from(self.index).unwrap_or(u16::MAX);
                slot.begin(monotonic_ns(), thread, head.method_token(), head.path(), id.as_bytes());
            }
            None => slot.end(),
        }
    }

    fn work(&self) -> MutexGuard<'_, SlotState> {
        self.work.lock()
    }

    /// The request that this worker is serving, and since when.
    pub(crate) fn serving(&self) -> Option<RunningRequest> {
        self.work().serving.clone()
    }

    /// Whether other workers have taken requests since this worker took its last one. The argument is
    /// the total number taken.
    #[cfg(test)]
    pub(crate) fn is_overtaken(&self, taken: u64) -> bool {
        taken > self.work().taken
    }

    /// Whether the worker has ended unexpectedly.
    pub(crate) fn ended_unexpectedly(&self) -> bool {
        self.work().ended_unexpectedly
    }

    /// Abandons the worker as stuck, if it still serves the request taken at `since`, and returns that
    /// request. The worker is no longer counted, and finds the queue closed when its call returns.
    pub(crate) fn give_up(&self, since: Instant) -> Option<RunningRequest> {
        let mut work = self.work();
        let given_up = work.serving.clone().filter(|serving| serving.since == since)?;
        self.depart(&mut work);
        Some(given_up)
    }

    fn depart(&self, work: &mut SlotState) {
        if std::mem::replace(&mut work.has_left, true) {
            return;
        }
        self.queue.depart(self.index, work);
    }
}

impl WorkerSlot {
    /// Prepares the worker to sleep with [`Parker::park`], unless there is a reason to stay awake.
    pub(crate) fn prepare_to_park(&self) -> Option<Wake> {
        let mut work = self.work();
        if work.has_left {
            return Some(Wake::Closed);
        }
        self.queue.park_worker(self.index, &mut work, &self.parker, &self.housekeeping_due)
    }

    /// The worker has been woken.
    pub(crate) fn unparked(&self) {
        let now = self.clock.instant();
        let mut work = self.work();
        work.keeps_until = now + UNINTERRUPTED;
        work.woken_at = Some(now);
    }
}

impl Exchanges for WorkerSlot {
    fn try_next(&self) -> Option<Exchange> {
        let now = self.clock.instant();
        let mut work = self.work();
        if work.has_left {
            drop(work);
            // The request with which it was given up has ended. Nobody has its slot before the thread ends.
            #[cfg(unix)]
            self.show(None);
            return None;
        }
        let ended = work.serving.take().map(|ended| {
            let lasted = now.saturating_duration_since(ended.since);
            (ended.requester, lasted)
        });
        let lasted = ended.as_ref().map(|(_, lasted)| *lasted);
        let mut given = NextWork::default();
        self.queue.take(self.index, lasted, &mut work, now, &mut given);
        work.serving = given.request.as_ref().map(|waiting| RunningRequest::new(waiting, now));
        let yields = now >= work.keeps_until;
        if yields {
            work.keeps_until = now + UNINTERRUPTED;
        }
        drop(work);
        #[cfg(unix)]
        if ended.is_some() || given.request.is_some() {
            self.show(given.request.as_ref().map(|waiting| &waiting.exchange));
        }
        self.yields.store(yields, Ordering::Relaxed);
        if let Some((requester, lasted)) = ended {
            requester.served(lasted);
        }
        for waiting in given.left {
            waiting.requester.abandoned();
        }
        let sends_all = given.request.is_none() || given.calls_block;
        self.queue.deferral.settle(if sends_all { Settle::All } else { Settle::Due }, now);
        let Some(waiting) = &mut given.request else {
            self.queue.deferral.wake_io();
            return None;
        };
        if given.is_short_of_requests {
            self.queue.deferral.wake_io(); // it may find one
        }
        let queued_for = now.saturating_duration_since(waiting.exchange.queued_at);
        waiting.requester.taken(self.index, queued_for, now);
        waiting.exchange.queued_for = queued_for;
        Some(given.request?.exchange)
    }

    fn wait(&self) -> Wake {
        if let Some(wake) = self.prepare_to_park() {
            return wake;
        }
        self.queue.ask_siblings();
        let wake = self.parker.park();
        self.unparked();
        wake
    }

    fn should_yield(&self) -> bool {
        self.yields.load(Ordering::Relaxed)
    }

    fn housekeep(&self, who: Housekeeper) {
        match who {
            Housekeeper::ThisWorker => self.queue.housekeep_by(self.index, &self.housekeeping_due),
            Housekeeper::AnyWorker => self.queue.housekeep(),
        }
    }

    fn gil_enabled(&self) {
        self.queue.gil_enabled();
    }

    fn thread_ended(&self) {
        // First, because a thread that takes its place may be shown in the same slot.
        #[cfg(unix)]
        self.show(None);
        let mut work = self.work();
        work.ended_unexpectedly |= !work.has_left;
        self.depart(&mut work);
    }
}
