//! One worker's place at the queue: what it is serving, and how it gets its next request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::{Exchange, Exchanges, Wake};

use super::parker::Parker;
use super::queue::Queue;
use super::work::{Serving, Work};
use crate::clock::Clock;

/// The maximum time that a worker keeps the GIL, if the application never releases it.
const UNINTERRUPTED: Duration = Duration::from_millis(5);

/// A worker's place at the queue.
#[derive(Debug)]
pub(crate) struct Seat {
    queue: Arc<Queue>,
    clock: Arc<Clock>,
    pub(crate) index: usize,
    pub(crate) parker: Arc<Parker>,
    work: Mutex<Work>,
    /// Whether the worker should let other Python threads run after this request.
    yields: AtomicBool,
}

impl Seat {
    /// Adds a worker to `queue`.
    pub(crate) fn take(queue: &Arc<Queue>, clock: &Arc<Clock>, index: usize) -> Self {
        let now = clock.instant();
        queue.enlist(now);
        Self {
            queue: Arc::clone(queue),
            clock: Arc::clone(clock),
            index,
            parker: Arc::default(),
            work: Mutex::new(Work::new(now)),
            yields: AtomicBool::new(false),
        }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request that this worker is serving, and since when.
    pub(crate) fn serving(&self) -> Option<Serving> {
        self.work().serving.clone()
    }

    /// Whether other workers have taken requests since this worker took its last one. The argument is
    /// the total number taken.
    #[cfg(test)]
    pub(crate) fn is_overtaken(&self, taken: u64) -> bool {
        taken > self.work().taken
    }

    /// Whether the worker has ended unexpectedly.
    pub(crate) fn is_deserted(&self) -> bool {
        self.work().is_deserted
    }

    /// Abandons the worker as stuck, if it still serves the request taken at `since`, and returns that
    /// request. The worker is no longer counted, and finds the queue closed when its call returns.
    pub(crate) fn give_up(&self, since: Instant) -> Option<Serving> {
        let mut work = self.work();
        let given_up = work.serving.clone().filter(|serving| serving.since == since)?;
        self.depart(&mut work);
        Some(given_up)
    }

    fn depart(&self, work: &mut Work) {
        if std::mem::replace(&mut work.has_left, true) {
            return;
        }
        let served = work.serving.take().is_some();
        self.queue.depart(self.index, served, std::mem::take(&mut work.retiring));
    }
}

impl Seat {
    /// Prepares the worker to sleep with [`Parker::park`], unless there is a reason to stay awake.
    pub(crate) fn lie_down(&self) -> Option<Wake> {
        let mut work = self.work();
        let retiring = std::mem::take(&mut work.retiring);
        let has_left = work.has_left;
        drop(work);
        if has_left {
            return Some(Wake::Closed);
        }
        self.queue.retire(self.index, retiring, &self.parker)
    }

    /// The worker has been woken.
    pub(crate) fn rise(&self) {
        let now = self.clock.instant();
        let mut work = self.work();
        work.kept_since = now;
        work.woken_at = Some(now);
    }
}

impl Exchanges for Seat {
    fn try_next(&self) -> Option<Exchange> {
        let now = self.clock.instant();
        let mut work = self.work();
        if work.has_left {
            return None;
        }
        let ended = work.serving.take().map(|ended| {
            let lasted = now.saturating_duration_since(ended.since);
            (ended.requester, lasted)
        });
        let lasted = ended.as_ref().map(|(_, lasted)| *lasted);
        let taken = self.queue.take(self.index, lasted, &mut work, now);
        work.serving = taken
            .next
            .as_ref()
            .map(|waiting| Serving { requester: Arc::clone(&waiting.requester), since: now });
        let yields = now.saturating_duration_since(work.kept_since) >= UNINTERRUPTED;
        if yields {
            work.kept_since = now;
        }
        drop(work);
        self.yields.store(yields, Ordering::Relaxed);
        if let Some((requester, lasted)) = ended {
            requester.served(lasted);
        }
        for waiting in taken.left {
            waiting.requester.abandoned();
        }
        self.queue.deferral.settle(taken.next.is_none() || taken.calls_block, now);
        if taken.next.is_none() {
            self.queue.deferral.rouse();
        }
        taken.next.map(|mut waiting| {
            let queued_for = now.saturating_duration_since(waiting.exchange.queued_at);
            waiting.requester.taken(self.index, queued_for, now);
            waiting.exchange.queued_for = queued_for;
            waiting.exchange
        })
    }

    fn wait(&self) -> Wake {
        if let Some(wake) = self.lie_down() {
            return wake;
        }
        let wake = self.parker.park();
        self.rise();
        wake
    }

    fn should_yield(&self) -> bool {
        self.yields.load(Ordering::Relaxed)
    }

    fn thread_ended(&self) {
        let mut work = self.work();
        work.is_deserted |= !work.has_left;
        self.depart(&mut work);
    }
}
