//! Takes requests out of the queue that move to other worker processes, and takes them back if they
//! cannot.
//!
//! A request moves before a worker has taken it, or never: both remove it from the queue under the
//! queue's lock. Only the I/O thread moves requests, so nothing else happens to their connections
//! meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::elsewhere::Load;
use super::level::WINDOW;
use super::queue::{Queue, Refused};
use super::requester::{Mobility, QueuedRequest, Requester};
use super::siblings::{Destination, Siblings};
use super::standby::{Attaching, QueueState};
use crate::telemetry::RejectReason;

/// What is promised: a request that can move waits no longer than this while another process has room.
const PROMISED: Duration = Duration::from_millis(5);

/// How long what is shown of the load may be out of date while requests wait: little of what a request
/// must have to wait to move ([`WORTH`](super::elsewhere::WORTH)).
const SHOWN_EVERY: Duration = Duration::from_micros(100);

/// What has become of a request that should move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HandedOver {
    Moved,
    /// It waits here again.
    Kept,
}

/// Says where a request should move that has waited so long; `None` to stop.
pub(crate) type Destinations<'a> = &'a mut dyn FnMut(&Load, Duration) -> Option<Destination>;

impl Queue {
    /// Lets requests move to other worker processes.
    pub(crate) fn with_siblings(mut self, siblings: Option<Arc<dyn Siblings>>) -> Self {
        self.siblings = siblings;
        self
    }

    /// Whether requests may move to other worker processes.
    pub(crate) fn has_siblings(&self) -> bool {
        self.siblings.is_some()
    }

    /// Requests have been removed.
    pub(super) fn set_length(&self, state: &mut QueueState) {
        self.length.store(state.waiting.len(), Ordering::Relaxed);
        if self.siblings.is_some() {
            self.show(state, self.clock.instant());
        }
    }

    /// Worker `index` is woken, or stays awake.
    pub(super) fn set_standby(&self, state: &mut QueueState, index: usize) {
        state.standby = Some(index);
        if self.siblings.is_some() {
            let beside_calls = state.usage.threads.busy > 0;
            state.attaching = Some(Attaching { since: self.clock.instant(), beside_calls });
        }
    }

    /// The load has changed: shows it to the other processes. Not at each step of many short requests,
    /// for which that would take a tenth of their time: while some wait, [`Queue::balance`] soon shows it.
    pub(super) fn show(&self, state: &mut QueueState, now: Instant) {
        let is_recent = |at| now.saturating_duration_since(at) < SHOWN_EVERY;
        let is_shown =
            || !state.waiting.is_empty() && state.waiting_shown_at.is_some_and(is_recent);
        if self.has_siblings() && !is_shown() {
            self.show_now(state, now);
        }
    }

    fn show_now(&self, state: &mut QueueState, now: Instant) {
        let Some(siblings) = &self.siblings else { return };
        state.waiting_shown_at = (!state.waiting.is_empty()).then_some(now);
        let oldest = state.waiting.iter().find(|request| request.is_movable());
        siblings.show(&state.load(now), oldest.map(|oldest| oldest.exchange.queued_at), now);
    }

    /// Shows the load anew, in case that what is shown is wrong.
    pub(crate) fn show_again(&self) {
        if self.has_siblings() {
            self.show_now(&mut self.state(), self.clock.instant());
        }
    }

    /// Whether a call holds the GIL and does not give way.
    pub(crate) fn is_stalled(&self) -> bool {
        self.has_siblings() && self.state().load(self.clock.instant()).is_stalled()
    }

    /// A worker has nothing to do: asks another process for a request.
    pub(super) fn ask_siblings(&self) {
        if let Some(siblings) = &self.siblings {
            siblings.on_idle(&|| self.state().load(self.clock.instant()));
        }
    }

    /// Called at every tick: moves requests that have waited where there is room, and tells how busy
    /// this process has been.
    pub(crate) fn balance(&self) {
        let Some(siblings) = &self.siblings else { return };
        siblings.beat();
        if let Some(busy) = self.end_window() {
            siblings.window_ended(busy);
        }
        self.hand_over_waiting(&mut |load, waited| siblings.on_tick(load, waited));
        if self.len() > 0 && siblings.has_room() {
            siblings.unmovable_waited(self.count_unmovable());
        }
    }

    /// Counts requests that cannot move and have waited for too long, each once.
    fn count_unmovable(&self) -> u64 {
        let now = self.clock.instant();
        let mut state = self.state();
        let is_old = |request: &&mut QueuedRequest| {
            now.saturating_duration_since(request.exchange.queued_at) > PROMISED
        };
        let old = state.waiting.iter_mut().take_while(is_old);
        let fixed = old.filter(|request| request.mobility == Mobility::Fixed);
        fixed.map(|request| request.mobility = Mobility::Counted).count() as u64
    }

    /// If a window has ended: for how many thousandths of it short calls kept this process busy.
    fn end_window(&self) -> Option<u32> {
        let mut state = self.state();
        let now = self.clock.instant();
        self.show_now(&mut state, now);
        let began = *state.window_began.get_or_insert(now);
        let passed = now.saturating_duration_since(began);
        if passed < WINDOW {
            return None;
        }
        state.window_began = Some(now);
        let busy = u128::from(std::mem::take(&mut state.usage.short_calls_ns));
        Some(u32::try_from(busy * 1000 / passed.as_nanos()).unwrap_or(u32::MAX).min(1000))
    }

    /// Moves the oldest requests that can move, as long as there is a destination for one. Returns how
    /// many have moved.
    pub(crate) fn hand_over_waiting(&self, destinations: Destinations<'_>) -> usize {
        // Requests that could not move stay first in the queue, and are passed over.
        let (mut moved, mut kept) = (0, 0);
        while let Some((request, to)) = self.take_oldest_movable(kept, destinations) {
            match self.hand_over(request, to) {
                HandedOver::Moved => moved += 1,
                HandedOver::Kept => kept += 1,
            }
        }
        moved
    }

    fn take_oldest_movable(
        &self,
        kept: usize,
        destinations: Destinations<'_>,
    ) -> Option<(Box<QueuedRequest>, Destination)> {
        let mut state = self.state();
        let movable = |(index, request): (usize, &QueuedRequest)| {
            request.is_movable().then_some((index, request.exchange.queued_at))
        };
        let (index, queued_at) = state.waiting.iter().enumerate().filter_map(movable).nth(kept)?;
        let now = self.clock.instant();
        let waited = now.saturating_duration_since(queued_at);
        let to = destinations(&state.load(now), waited)?;
        let request = state.waiting.remove(index)?;
        self.set_length(&mut state);
        Some((Box::new(request), to))
    }

    /// Moves the request that `requester` has just queued, unless a worker has taken it.
    pub(crate) fn hand_over_arrived(&self, requester: &Arc<impl Requester>, to: Destination) {
        let request = {
            let mut state = self.state();
            let same = |request: &QueuedRequest| {
                std::ptr::addr_eq(Arc::as_ptr(&request.requester), Arc::as_ptr(requester))
            };
            let index = state.waiting.iter().rposition(same);
            let request = index.and_then(|index| state.waiting.remove(index));
            self.set_length(&mut state);
            request
        };
        match request {
            Some(request) => {
                // If it cannot move yet, the next tick tries again.
                let _: HandedOver = self.hand_over(Box::new(request), to);
            }
            None => self.release(to),
        }
    }

    /// Moves a request, or takes it back.
    fn hand_over(&self, request: Box<QueuedRequest>, to: Destination) -> HandedOver {
        let requester = Arc::clone(&request.requester);
        let Err(request) = requester.hand_over(request, to) else { return HandedOver::Moved };
        self.release(to);
        self.take_back(*request);
        HandedOver::Kept
    }

    /// A request could not move. Workers may have gone to sleep meanwhile, so it is queued like one
    /// that arrives.
    pub(super) fn take_back(&self, request: QueuedRequest) {
        let taken_back = self.admit(self.state(), request, None, self.clock.instant());
        if let Err((Refused::Full | Refused::Closed, request)) = taken_back {
            request.requester.reject_overloaded(RejectReason::Draining);
        }
    }

    fn release(&self, to: Destination) {
        if let Some(siblings) = &self.siblings {
            siblings.release(to);
        }
    }
}
