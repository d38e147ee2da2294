//! The state behind the queue's lock (waiting requests, sleeping workers, and the rules of
//! `queue.rs` about which worker to wake), and that of each worker.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::RequestHead;
use maitred_http_parser::exchange::{Client, Exchange};

use super::elsewhere::{AttachTimes, Load};
use super::parallelism::{Gil, Parallelism, is_tiny};
use super::parker::Parker;
use super::requester::{Origin, QueuedRequest, Requester};
use super::usage::{BLOCKING_CALL, Usage};
use crate::telemetry::snapshot::RequestSummary;

/// CPython's switch interval: after this time, a computing thread must release the GIL if another
/// thread waits for it.
pub(super) const SWITCH_INTERVAL: Duration = Duration::from_millis(5);

/// After so long without another one, a time to attach says nothing any more.
const ATTACH_TIMES_LAST: Duration = Duration::from_secs(1);

/// What is known about the running call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallLength {
    /// Nothing.
    InTime,
    /// It has exceeded [`BLOCKING_CALL`].
    Overdue,
}

#[derive(Debug, Default)]
pub(super) struct QueueState {
    pub(super) parallelism: Parallelism,
    pub(super) waiting: VecDeque<QueuedRequest>,
    /// The sleeping workers. The one that fell asleep last is on top, because its caches are warmest.
    pub(super) parked: Vec<Sleeper>,
    /// The worker that has been woken and does not have the GIL yet.
    pub(super) standby: Option<usize>,
    /// When it was woken, if other processes are shown how long that takes.
    pub(super) attaching: Option<Attaching>,
    pub(super) attach_times: AttachTimes,
    /// When the last of them was measured.
    attach_measured_at: Option<Instant>,
    /// Workers that have found nothing and will check once more before they sleep.
    pub(super) about_to_park: usize,
    pub(super) closed: bool,
    /// Whether there is work that needs an attached thread, and nobody slept who could do it.
    pub(super) housekeeping_due: bool,
    /// The connections for whose clients a worker waits, although it could go on.
    pub(super) patient: Vec<Arc<dyn Requester>>,
    /// When the queue was last searched for requests whose clients have left.
    pub(super) room_sought_at: Option<Instant>,
    /// The total number of requests taken.
    pub(super) taken: u64,
    /// When the last one was: the age of the youngest running call.
    pub(super) taken_at: Option<Instant>,
    /// When the load was last shown to other processes, if requests waited then.
    pub(super) waiting_shown_at: Option<Instant>,
    /// When the window began in which short calls are counted.
    pub(super) window_began: Option<Instant>,
    pub(super) usage: Usage,
}

/// A standby that waits for the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attaching {
    pub(super) since: Instant,
    /// Whether a call ran when it was woken.
    pub(super) beside_calls: bool,
}

/// The maximum time that a worker keeps the GIL, if the application never releases it.
pub(super) const UNINTERRUPTED: Duration = Duration::from_millis(5);

/// The state of a worker, used only by the worker itself and by the watch.
#[derive(Debug)]
pub(crate) struct SlotState {
    pub(super) serving: Option<RunningRequest>,
    /// Whether it is no longer counted, because it was abandoned or has ended.
    pub(super) has_left: bool,
    /// Whether it has ended unexpectedly, and no replacement has been requested.
    pub(super) ended_unexpectedly: bool,
    /// Until when the worker may keep the GIL, if the application never releases it.
    pub(super) keeps_until: Instant,
    /// When it was woken; reset when it has the GIL.
    pub(super) woken_at: Option<Instant>,
    /// Whether it has found nothing, and has not begun to sleep.
    pub(super) about_to_park: bool,
    /// Whether it has served since it was last woken for housekeeping.
    pub(super) has_served: bool,
    /// The total number of requests taken when it took its last one.
    pub(super) taken: u64,
}

impl SlotState {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            serving: None,
            has_left: false,
            ended_unexpectedly: false,
            keeps_until: now + UNINTERRUPTED,
            woken_at: None,
            about_to_park: false,
            has_served: false,
            taken: 0,
        }
    }
}

/// The request that a worker is serving. It knows by itself what the log says of it, because its
/// connection forgets a request that was answered, and the application may run on: after a 504, or in
/// the `close()` of its iterable.
#[derive(Clone, Debug)]
pub(crate) struct RunningRequest {
    pub(crate) requester: Arc<dyn Requester>,
    pub(crate) since: Instant,
    head: Arc<RequestHead>,
    client: Client,
    request_id: Option<Arc<str>>,
}

impl RunningRequest {
    /// A worker has taken the request at that time.
    pub(super) fn new(taken: &QueuedRequest, since: Instant) -> Self {
        let Exchange { head, client, request_id, .. } = &taken.exchange;
        Self {
            requester: Arc::clone(&taken.requester),
            since,
            head: Arc::clone(head),
            client: client.clone(),
            request_id: request_id.clone(),
        }
    }

    /// What the log says of it.
    pub(crate) fn summary(&self, now: Instant) -> RequestSummary {
        RequestSummary {
            method: self.head.method().to_owned(),
            path: String::from_utf8_lossy(self.head.path()).into_owned(),
            client: self.client.address().to_owned(),
            request_id: self.request_id.clone(),
            runs_for: now.saturating_duration_since(self.since),
        }
    }
}

/// A sleeping worker.
#[derive(Debug)]
pub(super) struct Sleeper {
    pub(super) index: usize,
    pub(super) parker: Arc<Parker>,
    /// Whether it has served since it was last woken for housekeeping.
    pub(super) has_served: bool,
}

impl QueueState {
    pub(super) fn new(parallelism: Parallelism) -> Self {
        Self { parallelism, ..Self::default() }
    }

    /// Whether one more worker should be woken for the waiting requests, in addition to those that
    /// serve or are already waking up.
    pub(super) fn wants_standby(&self, call: CallLength) -> bool {
        let somebody_comes = self.standby.is_some() || self.about_to_park > 0;
        if self.waiting.is_empty() || somebody_comes {
            return false;
        }
        // Another process has been promised that its request starts at once.
        let is_expected = self.waiting.front().is_some_and(|next| next.origin == Origin::Adopted);
        let (busy, waiting) = (self.usage.threads.busy, self.waiting.len());
        is_expected
            || call == CallLength::Overdue
            || self.usage.calls_block()
            || self.parallelism.is_worth_waking(busy, waiting, self.usage.average_call())
    }

    /// Whether nothing waits, although another worker could serve at the same time, and calls are
    /// worth it.
    pub(super) fn is_short_of_requests(&self) -> bool {
        self.waiting.is_empty() && self.another_may_serve() && !is_tiny(self.usage.average_call())
    }

    /// Whether a worker and a core are free besides those that serve, or the one that is about to.
    pub(super) fn another_may_serve(&self) -> bool {
        let busy = self.usage.threads.busy.max(1);
        self.parallelism.free_cores(busy) > 0 && !self.parked.is_empty()
    }

    /// What is known about the running calls at `now`: if the youngest is long, all are.
    pub(super) fn call_length(&self, now: Instant) -> CallLength {
        let is_long = self.running(now) >= BLOCKING_CALL;
        if is_long { CallLength::Overdue } else { CallLength::InTime }
    }

    /// The age of the youngest running call.
    fn running(&self, now: Instant) -> Duration {
        match self.taken_at {
            Some(taken_at) if self.usage.threads.busy > 0 => {
                now.saturating_duration_since(taken_at)
            }
            _ => Duration::ZERO,
        }
    }

    /// The load of this process.
    pub(super) fn load(&self, now: Instant) -> Load {
        let attaching = self.attaching.map(|it| now.saturating_duration_since(it.since));
        Load {
            parallelism: self.parallelism,
            waiting: self.waiting.len(),
            busy: self.usage.threads.busy,
            free: self.free(),
            average_call: self.usage.average_call(),
            running: self.running(now),
            attaching,
            attaches_soon: self.attaches_soon(now),
        }
    }

    /// Whether a thread that is woken has the GIL soon, as far as it has been seen lately.
    fn attaches_soon(&self, now: Instant) -> bool {
        let is_old = |at| now.saturating_duration_since(at) >= ATTACH_TIMES_LAST;
        self.attach_times.are_short() || self.attach_measured_at.is_none_or(is_old)
    }

    /// The standby has had the GIL since it was woken, or has gone.
    pub(super) fn standby_attached(&mut self, woken_at: Option<Instant>, now: Instant) {
        self.standby = None;
        let attaching = self.attaching.take();
        if let Some(woken_at) = woken_at
            && attaching.is_some_and(|attaching| attaching.beside_calls)
        {
            self.attach_times.record(now.saturating_duration_since(woken_at));
            self.attach_measured_at = Some(now);
        }
    }

    /// Adds a request by its age: one from another process may be older than those that wait.
    pub(super) fn insert(&mut self, request: QueuedRequest) {
        let queued_at = request.exchange.queued_at;
        let is_older = self.waiting.back().is_some_and(|last| last.exchange.queued_at > queued_at);
        self.waiting.push_back(request);
        if is_older {
            self.move_last_forward(queued_at);
        }
    }

    /// Moves the last request before those that were queued after `queued_at`, as it was.
    #[cold]
    fn move_last_forward(&mut self, queued_at: Instant) {
        let is_newer = |other: &&QueuedRequest| other.exchange.queued_at > queued_at;
        let newer = self.waiting.iter().rev().skip(1).take_while(is_newer).count();
        let last = self.waiting.len() - 1;
        for at in (last - newer..last).rev() {
            self.waiting.swap(at, at + 1);
        }
    }

    /// Records that a worker has found nothing and will check once more, or that it has found `next`.
    pub(super) fn set_about_to_park(&mut self, work: &mut SlotState, next: Option<&QueuedRequest>) {
        self.not_about_to_park(work);
        work.about_to_park = next.is_none();
        self.about_to_park += usize::from(work.about_to_park);
    }

    /// Records that a worker goes to sleep, or ends.
    pub(super) fn not_about_to_park(&mut self, work: &mut SlotState) {
        self.about_to_park -= usize::from(std::mem::take(&mut work.about_to_park));
    }

    /// The number of workers that could take a request before the serving ones finish.
    pub(super) fn free(&self) -> usize {
        self.parked.len() + self.about_to_park + usize::from(self.standby.is_some())
    }

    /// Whether a worker steps back after a call that `lasted` this long. If calls are short on
    /// average, a call that exceeds CPython's switch interval while other workers made progress was
    /// waiting for the GIL: two threads compute, and each only makes the other's calls longer. The
    /// duration of such a call says nothing about the application.
    pub(super) fn yields_to_others(&self, lasted: Duration, work: &SlotState) -> bool {
        self.parallelism.gil() == Gil::Enabled
            && lasted >= SWITCH_INTERVAL
            && self.usage.threads.busy > 1
            && self.taken > work.taken
            && !self.usage.calls_block()
    }

    /// The sleepers to end, if the queue is closed and empty.
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
    use crate::system::clock::Clock;

    const SHORT: Duration = Duration::from_micros(100);

    /// Whether the first of two workers steps back whose call lasted so long, while the other has
    /// taken so many requests; calls have been as long as `usual`.
    fn yields_to_others(
        parallelism: Parallelism,
        lasted: Duration,
        others_took: u64,
        usual: Duration,
    ) -> bool {
        let mut work = SlotState::new(Clock::standing().instant());
        work.taken = 7;
        let mut state = QueueState { taken: 7 + others_took, ..QueueState::new(parallelism) };
        state.usage.threads.busy = 2;
        for _ in 0..50 {
            state.usage.called(usual);
        }
        state.yields_to_others(lasted, &work)
    }

    #[test]
    fn a_worker_that_has_waited_for_the_lock_of_another_one_leaves_the_rest_to_it() {
        assert!(yields_to_others(Parallelism::WITH_GIL, SWITCH_INTERVAL, 1, SHORT));
    }

    #[test]
    fn a_worker_goes_on_whose_call_was_not_long_for_the_locks_sake() {
        let blocking = 20 * SHORT;
        assert!(
            !yields_to_others(Parallelism::WITH_GIL, SWITCH_INTERVAL - SHORT, 1, SHORT),
            "too short"
        );
        assert!(
            !yields_to_others(Parallelism::WITH_GIL, SWITCH_INTERVAL, 0, SHORT),
            "the others block"
        );
        assert!(
            !yields_to_others(Parallelism::WITH_GIL, SWITCH_INTERVAL, 1, blocking),
            "all calls block"
        );
        assert!(
            !yields_to_others(Parallelism::without_gil(1), SWITCH_INTERVAL, 1, SHORT),
            "no lock"
        );
    }

    #[test]
    fn a_long_time_to_attach_says_nothing_after_a_while() {
        let now = Clock::standing().instant();
        let mut state = QueueState { standby: Some(0), ..QueueState::default() };
        state.attaching = Some(Attaching { since: now, beside_calls: true });
        state.standby_attached(Some(now), now + SWITCH_INTERVAL);
        let attaches_soon = |at| state.load(at).attaches_soon;
        assert!(!attaches_soon(now + SWITCH_INTERVAL));
        assert!(attaches_soon(now + 2 * ATTACH_TIMES_LAST));
    }
}
