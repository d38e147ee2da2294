//! Wakes sleeping workers for work that needs a thread that is attached to the interpreter.
//!
//! Some of it is for one worker, because an application may rely on its thread. The rest is for any,
//! with a GIL. Without one, some of that can only be done by the thread that has created an object, so
//! all that have served since the last time are woken, and otherwise the one that has slept longest,
//! which reaches each of them in turn.

use std::sync::atomic::{AtomicBool, Ordering};

use maitred_http_parser::exchange::Wake;

use super::parallelism::{Gil, Parallelism};
use super::queue::Queue;
use super::standby::{QueueState, Sleeper};

impl Queue {
    /// Wakes sleeping workers for work that needs an attached thread. If none sleeps, the next one
    /// that would do so does this first; while requests wait, workers do it in between.
    pub(crate) fn housekeep(&self) {
        let sleepers = {
            let mut state = self.state();
            let sleepers = if state.waiting.is_empty() { state.housekeepers() } else { Vec::new() };
            state.housekeeping_due = sleepers.is_empty();
            sleepers
        };
        for sleeper in sleepers {
            sleeper.parker.unpark(Wake::Housekeeping);
        }
    }

    /// Wakes this worker for work that needs its thread. If it does not sleep, `due` has it do that
    /// before it would; it may also do so after a request.
    pub(super) fn housekeep_by(&self, index: usize, due: &AtomicBool) {
        let mut state = self.state();
        let Some(place) = state.parked.iter().position(|sleeper| sleeper.index == index) else {
            due.store(true, Ordering::Relaxed); // under the queue's lock
            return;
        };
        let sleeper = state.parked.remove(place);
        drop(state);
        sleeper.parker.unpark(Wake::Housekeeping);
    }

    /// The interpreter's GIL has been enabled.
    pub(crate) fn gil_enabled(&self) {
        self.state().parallelism = Parallelism::WITH_GIL;
    }
}

impl QueueState {
    /// Takes those from the sleepers who should do housekeeping.
    fn housekeepers(&mut self) -> Vec<Sleeper> {
        if self.parallelism.gil() == Gil::Enabled {
            return self.parked.pop().into_iter().collect();
        }
        let (served, others) =
            std::mem::take(&mut self.parked).into_iter().partition(|it: &Sleeper| it.has_served);
        self.parked = others;
        let longest = if served.is_empty() && !self.parked.is_empty() { 1 } else { 0 };
        self.parked.drain(..longest).chain(served).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use maitred_http_parser::exchange::{Exchanges as _, Housekeeper};

    use super::super::deferral::Deferral;
    use super::super::parker::Parker;
    use super::super::worker_slot::WorkerSlot;
    use super::*;
    use crate::system::clock::Clock;

    /// A queue of workers of which these sleep.
    fn queue_with(asleep: [bool; 3]) -> (Arc<Queue>, [WorkerSlot; 3]) {
        let clock = Arc::new(Clock::standing());
        let deferral = Arc::new(Deferral::default());
        let queue = Queue::new(10, Parallelism::WITH_GIL, Arc::clone(&clock), deferral);
        let queue = Arc::new(queue);
        let slots = [0, 1, 2].map(|index| WorkerSlot::take(&queue, &clock, index));
        for (slot, _) in slots.iter().zip(asleep).filter(|(_, sleeps)| *sleeps) {
            assert!(slot.try_next().is_none());
            assert_eq!(slot.prepare_to_park(), None);
        }
        (queue, slots)
    }

    fn woken(slots: &[WorkerSlot; 3]) -> [Option<Wake>; 3] {
        slots.each_ref().map(|slot| slot.parker.pending())
    }

    #[test]
    fn the_worker_that_is_meant_is_woken_wherever_it_sleeps() {
        let (queue, slots) = queue_with([true; 3]);
        slots[0].housekeep(Housekeeper::ThisWorker);
        assert_eq!(woken(&slots), [Some(Wake::Housekeeping), None, None]);
        queue.housekeep();
        assert_eq!(woken(&slots), [Some(Wake::Housekeeping), None, Some(Wake::Housekeeping)]);
    }

    #[test]
    fn a_worker_that_is_busy_keeps_house_before_it_sleeps_and_no_other_one_does() {
        let (_queue, slots) = queue_with([true, false, true]);
        slots[1].housekeep(Housekeeper::ThisWorker);
        assert_eq!(woken(&slots), [None; 3]);
        assert!(slots[1].try_next().is_none());
        assert_eq!(slots[1].prepare_to_park(), Some(Wake::Housekeeping));
        assert!(slots[1].try_next().is_none());
        assert_eq!(slots[1].prepare_to_park(), None, "once is enough");
    }

    /// The workers that keep house, one time after the other, if those of these numbers have served.
    fn housekeepers(parallelism: Parallelism, served: [bool; 3]) -> Vec<Vec<usize>> {
        let mut state = QueueState::new(parallelism);
        let sleeper = |(index, has_served)| {
            let parker = Arc::<Parker>::default();
            Sleeper { index, parker, has_served }
        };
        state.parked = served.into_iter().enumerate().map(sleeper).collect();
        let mut all = Vec::new();
        for _ in 0..4 {
            let woken = state.housekeepers();
            all.push(woken.iter().map(|sleeper| sleeper.index).collect());
            // They find no request, and sleep again.
            state.parked.extend(woken.into_iter().map(|it| Sleeper { has_served: false, ..it }));
        }
        all
    }

    #[test]
    fn any_worker_keeps_house_with_a_gil() {
        assert_eq!(housekeepers(Parallelism::WITH_GIL, [true, true, false]), [[2]; 4]);
    }

    #[test]
    fn those_that_have_served_keep_house_at_once_without_a_gil_and_then_each_in_turn() {
        let all = housekeepers(Parallelism::without_gil(2), [true, false, true]);
        assert_eq!(all, [vec![0, 2], vec![1], vec![0], vec![2]]);
    }
}
