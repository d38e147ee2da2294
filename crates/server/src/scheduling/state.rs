//! The state behind the queue's lock: waiting requests, sleeping workers, and the rules of
//! `queue.rs` about which worker to wake.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::parker::Parker;
use super::usage::Usage;
use super::waiting::Waiting;
use super::work::Work;

/// After this time CPython takes its lock away from a thread that computes, when another wants it.
pub(super) const SWITCH_INTERVAL: Duration = Duration::from_millis(5);

/// Whether worker threads share one interpreter lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// One thread at a time runs application code.
    Shared,
    /// All run at once: a free-threaded interpreter, or no interpreter.
    None,
}

/// What is known about the call that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Nothing.
    InTime,
    /// It has exceeded [`BLOCKING_CALL`](super::usage::BLOCKING_CALL).
    Overdue,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) waiting: VecDeque<Waiting>,
    /// Workers that sleep, the one that slept last on top: its caches are warmest.
    pub(super) parked: Vec<Sleeper>,
    /// The worker that has been woken and has not got the interpreter yet.
    pub(super) standby: Option<usize>,
    /// Workers that have found nothing and are on their way to sleep: they will look once more.
    pub(super) retiring: usize,
    pub(super) closed: bool,
    /// When requests were last sought that nobody waits for.
    pub(super) room_sought_at: Option<Instant>,
    /// How many requests have been taken, ever.
    pub(super) taken: u64,
    pub(super) usage: Usage,
}

/// A worker that sleeps.
#[derive(Debug)]
pub(super) struct Sleeper {
    pub(super) index: usize,
    pub(super) parker: Arc<Parker>,
}

impl State {
    /// Whether one more worker should be awake for what waits, than those who serve and who are on
    /// their way.
    pub(super) fn wants_standby(&self, lock: Lock, call: Call) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let somebody_comes = self.standby.is_some() || self.retiring > 0;
        let nobody_serves = self.usage.busy == 0;
        let is_long = call == Call::Overdue || self.usage.calls_block();
        lock == Lock::None || (!somebody_comes && (nobody_serves || is_long))
    }

    /// A worker has found nothing, and will look once more before it sleeps; or it has found work.
    pub(super) fn set_retiring(&mut self, work: &mut Work, retires: bool) {
        match (work.retiring, retires) {
            (false, true) => self.retiring += 1,
            (true, false) => self.retiring -= 1,
            (false, false) | (true, true) => {}
        }
        work.retiring = retires;
    }

    /// Workers that could take a request before those that serve now are done.
    pub(super) fn free(&self) -> usize {
        self.parked.len() + self.retiring + usize::from(self.standby.is_some())
    }

    /// Whether a worker, at the end of a call that `lasted` so long, leaves the rest to the others.
    /// Where calls are short, one that outlasts the time after which CPython takes its lock away from
    /// a thread, while others went on, has waited for that lock: two threads compute, and each only
    /// makes the other's calls longer. How long it waited says nothing about the calls.
    pub(super) fn steps_back(&self, lock: Lock, lasted: Duration, work: &Work) -> bool {
        lock == Lock::Shared
            && lasted >= SWITCH_INTERVAL
            && self.usage.busy > 1
            && self.taken > work.taken
            && !self.usage.calls_block()
    }

    /// The sleepers to send home: the queue is closed, and nothing waits any more.
    pub(super) fn dismissed(&mut self) -> Vec<Sleeper> {
        if self.closed && self.waiting.is_empty() {
            std::mem::take(&mut self.parked)
        } else {
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const SHORT: Duration = Duration::from_micros(100);

    /// Whether the first of two workers steps back whose call lasted so long, while the other has
    /// taken so many requests; calls have been as long as `usual`.
    fn steps_back(lock: Lock, lasted: Duration, others_took: u64, usual: Duration) -> bool {
        let mut work = Work::new(Clock::standing().instant());
        work.taken = 7;
        let mut state = State { taken: 7 + others_took, ..State::default() };
        state.usage.busy = 2;
        for _ in 0..50 {
            state.usage.called(usual);
        }
        state.steps_back(lock, lasted, &work)
    }

    #[test]
    fn a_worker_that_has_waited_for_the_lock_of_another_one_leaves_the_rest_to_it() {
        assert!(steps_back(Lock::Shared, SWITCH_INTERVAL, 1, SHORT));
    }

    #[test]
    fn a_worker_goes_on_whose_call_was_not_long_for_the_locks_sake() {
        let blocking = 20 * SHORT;
        assert!(!steps_back(Lock::Shared, SWITCH_INTERVAL - SHORT, 1, SHORT), "too short");
        assert!(!steps_back(Lock::Shared, SWITCH_INTERVAL, 0, SHORT), "the others block");
        assert!(!steps_back(Lock::Shared, SWITCH_INTERVAL, 1, blocking), "all calls block");
        assert!(!steps_back(Lock::None, SWITCH_INTERVAL, 1, SHORT), "no lock");
    }
}
