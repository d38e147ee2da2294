//! Defers small responses to send them together, and lets the I/O thread nap meanwhile.
//!
//! While requests wait, two things waste CPU. Waking the I/O thread for each arrival reads requests
//! that must wait anyway, and takes the processor from the worker that could serve. Sending each
//! response separately wakes a client each time. So the I/O thread naps while workers have work,
//! and small responses go on a list. The list is flushed when the queue is empty, when the oldest
//! response is [`ANSWER_WAITS_MAX`] old, before a call that will block, and by the I/O thread when
//! it wakes. A response is deferred only while the I/O thread is known to check the list, so a
//! worker that enters a long call leaves no response unsent.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::requester::Requester;
use crate::system::mutex::{Condvar, Mutex};

/// The maximum age of a response on the list when a worker takes its next request.
const ANSWER_WAITS_MAX: Duration = Duration::from_micros(200);

/// The maximum duration of a nap. Also the time after which a long call is detected. The end of each
/// nap disturbs the caches of the worker: with 1 ms, Flask and Django took 3 % more CPU.
pub(crate) const NAP: Duration = Duration::from_millis(2);

/// The list of deferred responses, and the nap of the I/O thread.
#[derive(Debug, Default)]
pub(crate) struct Deferral {
    list: Mutex<List>,
    /// The length of the list, readable without the lock.
    deferred: AtomicUsize,
    /// A copy of the list's field, readable without the lock.
    attended: AtomicBool,
    napping: Mutex<bool>,
    woken: Condvar,
    /// Whether the I/O thread sleeps, readable without the lock.
    asleep: AtomicBool,
}

#[derive(Debug, Default)]
struct List {
    requesters: Vec<Arc<dyn Requester>>,
    /// When the oldest response must be sent.
    due_at: Option<Instant>,
    /// Whether the I/O thread naps or has been asked to, so that it will flush the list.
    attended: bool,
    /// Starts the nap.
    waker: Option<Waker>,
    /// The I/O thread has ended.
    ended: bool,
}

impl Deferral {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock()
    }

    /// Adds the response to `requester` to the list, if a thread will flush it soon.
    pub(crate) fn defer(
        &self,
        requester: &Arc<impl Requester + 'static>,
        now: Instant,
    ) -> Deferred {
        if !self.attended.load(Ordering::Relaxed) {
            return Deferred::No;
        }
        let mut list = self.list();
        if !list.attended {
            return Deferred::No;
        }
        list.due_at.get_or_insert_with(|| now + ANSWER_WAITS_MAX);
        list.requesters.push(Arc::clone(requester) as Arc<dyn Requester>);
        self.deferred.store(list.requesters.len(), Ordering::Relaxed);
        Deferred::Yes
    }

    /// Asks the I/O thread to nap, and to flush the list when it wakes.
    pub(crate) fn attend(&self) {
        if self.attended.load(Ordering::Relaxed) {
            return;
        }
        let waker = {
            let mut list = self.list();
            if list.ended {
                return;
            }
            list.attended = true;
            self.attended.store(true, Ordering::Relaxed);
            list.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Called by the I/O thread: whether it should nap. If not, `waker` is woken when it should.
    pub(crate) fn is_attended(&self, waker: &Waker) -> bool {
        let mut list = self.list();
        if !list.attended && !list.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            list.waker = Some(waker.clone());
        }
        list.attended
    }

    /// Called by the I/O thread to stop napping. Returns false if the list is not empty.
    pub(crate) fn stop_napping(&self) -> bool {
        let mut list = self.list();
        if list.requesters.is_empty() {
            list.attended = false;
            self.attended.store(false, Ordering::Relaxed);
        }
        !list.attended
    }

    /// The I/O thread has ended: the list is flushed, and nothing is added any more. Its waker is
    /// dropped, because it would keep the reactor alive while any worker runs.
    pub(crate) fn end(&self, now: Instant) {
        let waker = {
            let mut list = self.list();
            list.ended = true;
            list.attended = false;
            self.attended.store(false, Ordering::Relaxed);
            list.waker.take()
        };
        drop(waker);
        self.flush(now);
    }

    /// Called before a worker serves its next request.
    pub(crate) fn settle(&self, which: Settle, now: Instant) {
        let is_due = || self.list().due_at.is_some_and(|due_at| due_at <= now);
        if self.deferred.load(Ordering::Relaxed) > 0 && (which == Settle::All || is_due()) {
            self.flush(now);
        }
    }

    /// The number of deferred responses, and whether the I/O thread will flush them.
    #[cfg(test)]
    pub(crate) fn outlook(&self) -> (usize, bool) {
        let list = self.list();
        (list.requesters.len(), list.attended)
    }

    /// Sends everything on the list.
    pub(crate) fn flush(&self, now: Instant) {
        let requesters = {
            let mut list = self.list();
            list.due_at = None;
            self.deferred.store(0, Ordering::Relaxed);
            std::mem::take(&mut list.requesters)
        };
        for requester in requesters {
            requester.flush(now);
        }
    }

    /// Puts the I/O thread to sleep until [`Deferral::wake_io`], for `limit` at most.
    pub(crate) fn nap(&self, limit: Duration) {
        let mut napping = self.napping.lock();
        *napping = true;
        self.asleep.store(true, Ordering::SeqCst);
        let (mut napping, _) = self.woken.wait_timeout_while(napping, limit, |napping| *napping);
        *napping = false;
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Wakes the I/O thread from its nap, because the queue is empty.
    pub(crate) fn wake_io(&self) {
        if self.asleep.load(Ordering::SeqCst) {
            *self.napping.lock() = false;
            self.woken.notify_one();
        }
    }
}

/// Which deferred responses a worker sends before its next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    /// Those that are due.
    Due,
    /// All, because it will sleep or its call may take long.
    All,
}

/// Whether a response was deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deferred {
    /// It will be sent soon.
    Yes,
    /// The caller must send it.
    No,
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;
    use crate::system::clock::Clock;

    /// A waker that keeps its reactor alive, like that of a real task.
    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            drop(self); // as any waker that is woken
        }
    }

    #[test]
    fn nothing_of_the_io_thread_is_kept_when_it_has_ended() {
        let (deferral, task) = (Deferral::default(), Arc::new(Task));
        assert!(!deferral.is_attended(&Waker::from(Arc::clone(&task))));
        assert_eq!(Arc::strong_count(&task), 2);
        deferral.end(Clock::standing().instant());
        assert_eq!(Arc::strong_count(&task), 1);
    }

    #[test]
    fn nobody_attends_to_the_list_when_the_io_thread_has_ended() {
        let deferral = Deferral::default();
        deferral.attend();
        assert_eq!(deferral.outlook(), (0, true));
        deferral.end(Clock::standing().instant());
        deferral.attend();
        assert_eq!(deferral.outlook(), (0, false));
    }
}
