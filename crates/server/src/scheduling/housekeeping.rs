//! Wakes sleeping workers for work that needs a thread that is attached to the interpreter.
//!
//! With a GIL, any worker can do it. Without one, some of it can only be done by the thread that has
//! created an object, so all that have served since the last time are woken, and otherwise the one
//! that has slept longest, which reaches each of them in turn.

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

    use super::super::parker::Parker;
    use super::*;

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
