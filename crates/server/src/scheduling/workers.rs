//! The worker threads: starting, reporting, replacing and joining them.
//!
//! A thread whose request has timed out (`lifecycle/request_timeout.rs`) is **stuck**, because a thread cannot be ended
//! from outside. It is replaced to preserve capacity, but at most `threads` stuck threads have a
//! replacement: beyond that, the application is broken and more threads only make it worse. A stuck
//! thread that was replaced exits when its call returns; one that was not serves again.
//!
//! A thread that has **ended** by itself, which only a defect of the server can bring about, is
//! replaced as well, until that succeeds.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use maitred_http_parser::exchange::{
    Application, Exchanges as _, StackUnavailable, StartError, Worker,
};

use super::queue::Queue;
use super::standby::RunningRequest;
use super::worker_slot::WorkerSlot;
#[cfg(unix)]
use crate::board::Place;
use crate::system::clock::Clock;
use crate::system::mutex::Mutex;
use crate::telemetry::snapshot::ThreadStatus;

/// The worker threads.
pub(crate) struct WorkerThreads {
    application: Arc<dyn Application>,
    queue: Arc<Queue>,
    clock: Arc<Clock>,
    /// How many threads there should be, and how many stuck ones may be replaced.
    count: usize,
    threads: Mutex<Vec<Arc<WorkerThread>>>,
    /// The number of the next thread.
    next: AtomicUsize,
    /// Where a supervisor sees what they serve.
    #[cfg(unix)]
    place: Option<Place>,
}

/// One thread.
pub(crate) struct WorkerThread {
    pub(crate) slot: Arc<WorkerSlot>,
    worker: Box<dyn Worker>,
    pub(crate) name: String,
    marks: Mutex<TimeoutMarks>,
    /// The request with which it was given up, and replaced.
    given_up: OnceLock<RunningRequest>,
}

/// What has been done about the request of a thread. The time when a request was taken identifies it.
#[derive(Clone, Copy, Debug, Default)]
struct TimeoutMarks {
    timed_out: Option<Instant>,
    reported_slow: Option<Instant>,
    /// How long the process has stood still since then.
    stood_still: Option<(Instant, Duration)>,
    is_replaced: bool,
    /// The recovery thread has been notified that the thread has ended.
    is_end_reported: bool,
    /// The end of the thread has been logged.
    is_end_logged: bool,
}

/// The limit that a request has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// `request-timeout`: it is aborted.
    TimedOut,
    /// `slow-request`: it is logged.
    Slow,
}

impl std::fmt::Debug for WorkerThreads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerThreads").field("started", &self.next).finish_non_exhaustive()
    }
}

impl WorkerThreads {
    /// None yet.
    pub(crate) fn new(
        application: Arc<dyn Application>,
        queue: Arc<Queue>,
        clock: Arc<Clock>,
        count: usize,
    ) -> Self {
        let (threads, next) = (Mutex::default(), AtomicUsize::new(0));
        Self {
            application,
            queue,
            clock,
            count,
            threads,
            next,
            #[cfg(unix)]
            place: None,
        }
    }

    /// Shows a supervisor what they serve.
    #[cfg(unix)]
    pub(crate) fn show_on(&mut self, place: Option<Place>) {
        self.place = place;
    }

    fn threads(&self) -> MutexGuard<'_, Vec<Arc<WorkerThread>>> {
        self.threads.lock()
    }

    /// All threads, except stuck ones that were replaced and have ended.
    pub(crate) fn all(&self) -> Vec<Arc<WorkerThread>> {
        let mut threads = self.threads();
        threads.retain(|thread| !(thread.marks().is_replaced && thread.worker.is_finished()));
        threads.clone()
    }

    /// Starts all threads.
    ///
    /// # Errors
    /// The application cannot start a thread. Threads started before it wait for work.
    pub(crate) fn start(&self) -> Result<(), StartError> {
        (0..self.count).try_for_each(|_| self.start_one())
    }

    fn start_one(&self) -> Result<(), StartError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("maitred-{index}");
        let slot = WorkerSlot::take(&self.queue, &self.clock, index);
        #[cfg(unix)]
        let slot = slot.shown_at(self.place.clone().map(|place| (place, self.free_slot())));
        let slot = Arc::new(slot);
        match self.application.start_worker(&name, Arc::clone(&slot) as _) {
            Ok(worker) => {
                let (marks, given_up) = (Mutex::default(), OnceLock::new());
                let thread = WorkerThread { slot, worker, name, marks, given_up };
                self.threads().push(Arc::new(thread));
                Ok(())
            }
            Err(error) => {
                slot.thread_ended();
                Err(error)
            }
        }
    }

    /// The first slot of the seat in which no thread is shown.
    #[cfg(unix)]
    fn free_slot(&self) -> usize {
        let taken: Vec<_> = self.all().iter().filter_map(|thread| thread.slot.shown_in()).collect();
        (0..).find(|slot| !taken.contains(slot)).unwrap_or(usize::MAX)
    }

    /// For how long no thread has been able to take a request: each runs one that has been aborted, and
    /// no more are replaced. `limit` is that of a request.
    pub(crate) fn stuck_for(&self, now: Instant, limit: Duration) -> Option<Duration> {
        let threads = self.all();
        let replaced = threads.iter().filter(|thread| thread.marks().is_replaced).count();
        let is_exhausted = replaced == threads.len() || replaced >= self.count;
        if threads.is_empty() || !is_exhausted || !threads.iter().all(|it| it.is_stuck()) {
            return None;
        }
        let taken = threads.iter().filter_map(|thread| thread.marks().timed_out).max()?;
        Some(now.saturating_duration_since(taken + limit))
    }

    /// The number of threads that still run an aborted request.
    pub(crate) fn stuck(&self) -> usize {
        self.all().iter().filter(|thread| thread.is_stuck()).count()
    }

    /// Starts a replacement of a stuck thread. May wait for the interpreter.
    pub(crate) fn replace(&self, thread: &WorkerThread, since: Instant) -> Replaced {
        let replaced = self.all().iter().filter(|thread| thread.marks().is_replaced).count();
        if replaced >= self.count {
            return Replaced::TooMany(replaced);
        }
        let Some(given_up) = thread.slot.give_up(since) else { return Replaced::Returned };
        thread.marks().is_replaced = true;
        given_up.requester.served(self.clock.instant().saturating_duration_since(since));
        let _ = thread.given_up.set(given_up); // a thread is given up once
        match self.start_one() {
            Ok(()) => Replaced::Yes,
            Err(error) => Replaced::Failed(error),
        }
    }

    /// Starts a replacement of a thread that ended unexpectedly. May wait for the interpreter.
    ///
    /// # Errors
    /// No thread could be started; [`WorkerThread::take_unreported_end`] will return true again.
    pub(crate) fn refill(&self, thread: &WorkerThread) -> Result<(), StartError> {
        match self.start_one() {
            Ok(()) => {
                self.threads().retain(|other| !std::ptr::eq(&**other, thread));
                Ok(())
            }
            Err(error) => {
                thread.report_end_again();
                Err(error)
            }
        }
    }

    /// The occupation of every thread; with the stacks of those that are serving if `patience` is given,
    /// which is the maximum total time to wait for the interpreter.
    pub(crate) fn thread_statuses(
        &self,
        now: Instant,
        patience: Option<Duration>,
    ) -> Vec<ThreadStatus> {
        let clock = Clock::new(); // real time, also if a test's clock stands still
        let mut deadline = patience.map(|patience| clock.instant() + patience);
        let describe = |thread: &Arc<WorkerThread>| {
            let serving = thread.running();
            let is_stuck = thread.is_stuck();
            let is_busy = serving.is_some() || is_stuck;
            let stack = deadline.as_mut().filter(|_| is_busy).map(|deadline| {
                let now = clock.instant();
                let stack = thread.worker.stack(deadline.saturating_duration_since(now));
                if stack == Err(StackUnavailable::Busy) {
                    // The lock that this one did not get in time, the next ones will not get, either.
                    *deadline = now;
                }
                stack.unwrap_or_else(|error| format!("not available: {error}"))
            });
            ThreadStatus {
                thread: thread.name.clone(),
                is_stuck,
                request: serving.map(|serving| serving.summary(now)),
                stack,
            }
        };
        self.all().iter().map(describe).collect()
    }

    /// Waits until the threads have ended, for at most `within` of real time, also if a test's clock
    /// stands still. Returns how many are left.
    pub(crate) fn end(&self, within: Duration) -> usize {
        let clock = Clock::new();
        let deadline = clock.instant() + within;
        let threads = self.all();
        for thread in &threads {
            while !thread.worker.is_finished() && clock.instant() < deadline {
                std::thread::park_timeout(Duration::from_millis(1));
            }
        }
        threads.iter().filter(|thread| !thread.worker.is_finished()).count()
    }
}

/// The result of replacing a stuck thread.
pub(crate) enum Replaced {
    /// It was replaced.
    Yes,
    /// Its call returned before it could be replaced.
    Returned,
    /// Not replaced: this many threads, the maximum, have already been replaced.
    TooMany(usize),
    /// No thread could be started.
    Failed(StartError),
}

impl WorkerThread {
    fn marks(&self) -> MutexGuard<'_, TimeoutMarks> {
        self.marks.lock()
    }

    /// The request that it runs, also if it was given up.
    pub(crate) fn running(&self) -> Option<RunningRequest> {
        self.slot.serving().or_else(|| self.given_up.get().cloned())
    }

    /// Tells the application that the request has taken too long.
    pub(crate) fn timed_out(&self) {
        self.worker.timed_out();
    }

    pub(crate) fn is_stuck(&self) -> bool {
        let marks = *self.marks();
        if marks.is_replaced {
            return !self.worker.is_finished();
        }
        let since = self.slot.serving().map(|serving| serving.since);
        since.is_some() && marks.timed_out == since
    }

    /// Returns true once if the thread has ended unexpectedly, so that the recovery thread is notified once.
    pub(crate) fn take_unreported_end(&self) -> bool {
        self.slot.ended_unexpectedly()
            && !std::mem::replace(&mut self.marks().is_end_reported, true)
    }

    /// The end could not be handled; the recovery thread will be notified again.
    pub(crate) fn report_end_again(&self) {
        self.marks().is_end_reported = false;
    }

    /// Returns true once, so that the end is logged once.
    pub(crate) fn is_end_to_be_logged(&self) -> bool {
        !std::mem::replace(&mut self.marks().is_end_logged, true)
    }

    /// The process has stood still for this time until `now`. Returns how long it has done so since the
    /// request was taken at `since`.
    pub(crate) fn stood_still(
        &self,
        since: Instant,
        standstill: Duration,
        now: Instant,
    ) -> Duration {
        let mut marks = self.marks();
        let known = marks.stood_still.filter(|(known, _)| *known == since);
        let mut sum = known.map_or(Duration::ZERO, |(_, sum)| sum);
        // One that was taken after it has lost no more than the time that it has run.
        sum += standstill.min(now.saturating_duration_since(since));
        marks.stood_still = (!sum.is_zero()).then_some((since, sum));
        sum
    }

    /// Marks the request taken at `since` as handled. Returns false if it was already.
    pub(crate) fn mark(&self, overdue: Overdue, since: Instant) -> bool {
        let mut marks = self.marks();
        let mark = match overdue {
            Overdue::TimedOut => &mut marks.timed_out,
            Overdue::Slow => &mut marks.reported_slow,
        };
        mark.replace(since) != Some(since)
    }

    pub(crate) fn stack(&self, patience: Duration) -> String {
        match self.worker.stack(patience) {
            Ok(stack) => stack,
            Err(error) => format!("not available: {error}"),
        }
    }
}
