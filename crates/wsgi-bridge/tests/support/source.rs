//! The source of exchanges for a test's worker.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use maitred_http_parser::exchange::{Exchange, Exchanges, Housekeeper, Wake};

/// Long enough for any machine, and never waited for where all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Source {
    state: Mutex<State>,
    changed: Condvar,
    /// What workers are told that ask whether they should let others run.
    pub yields: AtomicBool,
    /// Whoever asks for an exchange next is ended by a panic.
    pub panics: AtomicBool,
    /// No worker is woken for what it does now and then.
    pub ignores_housekeeping: AtomicBool,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Exchange>,
    wants_housekeeping: bool,
    is_closed: bool,
    /// Exchanges that were given out and not finished: a worker that asks for the next one has
    /// finished the last.
    is_busy: bool,
    has_been_left: bool,
}

impl Source {
    pub fn push(&self, exchange: Exchange) {
        self.state.lock().unwrap().waiting.push_back(exchange);
        self.changed.notify_all();
    }

    pub fn close(&self) {
        self.state.lock().unwrap().is_closed = true;
        self.changed.notify_all();
    }

    /// Makes the worker do what it does now and then, and waits until it has.
    pub fn housekeep_now(&self) {
        self.housekeep(Housekeeper::ThisWorker);
        self.wait_until("the worker has done what it does now and then", |state| !state.is_busy);
    }

    /// Blocks until a worker has left its place.
    pub fn wait_until_left(&self) {
        self.wait_until("a worker has left its place", |state| state.has_been_left);
    }

    /// Blocks until all that was pushed has been served.
    pub fn wait_until_idle(&self) {
        let is_idle = |state: &State| !state.is_busy && state.waiting.is_empty();
        self.wait_until("all has been served", is_idle);
    }

    /// Blocks until something is so, which it must become.
    fn wait_until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let state = self.state.lock().unwrap();
        let is_not_yet = |state: &mut State| !is_so(state);
        let waited = self.changed.wait_timeout_while(state, PATIENCE, is_not_yet).unwrap();
        let is_late = waited.1.timed_out();
        drop(waited); // a panic must leave the lock to the test's end
        assert!(!is_late, "waited in vain until {what}");
    }
}

impl Exchanges for Source {
    fn try_next(&self) -> Option<Exchange> {
        assert!(!self.panics.swap(false, Ordering::Relaxed), "a panic that a test asked for");
        let mut state = self.state.lock().unwrap();
        let next = state.waiting.pop_front();
        state.is_busy = next.is_some() || state.wants_housekeeping;
        self.changed.notify_all();
        next
    }

    fn wait(&self) -> Wake {
        let state = self.state.lock().unwrap();
        let nothing_to_do = |state: &mut State| {
            state.waiting.is_empty() && !state.is_closed && !state.wants_housekeeping
        };
        let mut state = self.changed.wait_while(state, nothing_to_do).unwrap();
        if std::mem::take(&mut state.wants_housekeeping) {
            Wake::Housekeeping
        } else if state.is_closed && state.waiting.is_empty() {
            Wake::Closed
        } else {
            Wake::Work
        }
    }

    fn should_yield(&self) -> bool {
        self.yields.load(Ordering::Relaxed)
    }

    fn housekeep(&self, _who: Housekeeper) {
        if self.ignores_housekeeping.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock().unwrap();
        state.wants_housekeeping = true;
        state.is_busy = true;
        drop(state);
        self.changed.notify_all();
    }

    fn thread_ended(&self) {
        self.state.lock().unwrap().has_been_left = true;
        self.changed.notify_all();
    }
}
