//! How many calls can compute at the same time: one where threads share a GIL; otherwise one on each
//! core.
//!
//! Each core is treated like a lock. While one is free, a worker may be woken for a request that
//! waits; if none is, requests wait for a worker that ends its call, and one more is woken only for
//! calls that block or have become long. More workers than cores would only take the cores from each
//! other.
//!
//! Two cores do not serve tiny calls twice as fast as one: they wake each other, the I/O thread and
//! the clients more often, and read less at a time. So one worker serves them as long as it keeps up.

use std::thread::available_parallelism;
use std::time::Duration;

use super::elsewhere::WORTH;

/// Calls that are shorter than this on average are tiny. With a call of 5 µs, a request costs a third
/// more on two cores than on one, which is as much as the call itself; with one of 100 µs, nothing
/// that can be measured.
const TINY_CALL: Duration = Duration::from_micros(20);

/// A request that would wait for less than this is taken sooner by a worker that serves than by one
/// that has to be woken, which takes so long across two cores.
const WAKE_UP: Duration = Duration::from_micros(50);

/// Whether worker threads share a GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gil {
    /// They do: one thread at a time runs application code.
    Enabled,
    /// They do not: a free-threaded interpreter, or no interpreter.
    Disabled,
}

/// How many calls can compute at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parallelism {
    gil: Gil,
    calls: usize,
}

impl Parallelism {
    /// One at a time, because threads share a GIL.
    pub(crate) const WITH_GIL: Self = Self { gil: Gil::Enabled, calls: 1 };

    /// On this machine, as far as the process may use it.
    pub(crate) fn of(gil: Gil) -> Self {
        match gil {
            Gil::Enabled => Self::WITH_GIL,
            Gil::Disabled => Self::without_gil(available_parallelism().map_or(1, Into::into)),
        }
    }

    /// On this many cores, without a GIL.
    pub(crate) const fn without_gil(cores: usize) -> Self {
        Self { gil: Gil::Disabled, calls: cores }
    }

    /// Whether threads share a GIL.
    pub(super) const fn gil(self) -> Gil {
        self.gil
    }

    /// How many more calls can compute beside `busy` others.
    pub(super) const fn free_cores(self, busy: usize) -> usize {
        self.calls.saturating_sub(busy)
    }

    /// Whether to wake a worker for the first of so many requests that wait, while `busy` others
    /// serve: where none does, or if a core is free and it would wait for too long.
    pub(super) fn is_worth_waking(self, busy: usize, waiting: usize, average: Duration) -> bool {
        if busy == 0 || self.free_cores(busy) == 0 {
            return busy == 0;
        }
        let wait = average.saturating_mul(bounded(waiting)) / bounded(busy);
        wait >= if is_tiny(average) { WORTH } else { WAKE_UP }
    }

    /// How long calls take that last so long, one after the other.
    pub(super) fn shared(self, calls: Duration) -> Duration {
        calls / bounded(self.calls)
    }
}

/// Whether calls are so short on average that a second core is not worth its costs.
pub(super) fn is_tiny(average: Duration) -> bool {
    average < TINY_CALL
}

fn bounded(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Default for Parallelism {
    fn default() -> Self {
        Self::WITH_GIL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR_CORES: Parallelism = Parallelism::without_gil(4);

    fn is_worth_waking(on: Parallelism, busy: usize, waiting: usize, average_us: u64) -> bool {
        on.is_worth_waking(busy, waiting, Duration::from_micros(average_us))
    }

    #[test]
    fn the_first_request_always_wakes_a_worker() {
        for on in [Parallelism::WITH_GIL, FOUR_CORES] {
            assert!(is_worth_waking(on, 0, 1, 0), "{on:?}");
        }
    }

    #[test]
    fn a_worker_that_has_the_gil_is_alone() {
        assert!(!is_worth_waking(Parallelism::WITH_GIL, 1, 1000, 900));
    }

    #[test]
    fn every_core_gets_a_call_that_is_worth_it_and_no_core_gets_two() {
        for busy in 1..4 {
            assert!(is_worth_waking(FOUR_CORES, busy, busy, 100), "{busy}");
        }
        assert!(!is_worth_waking(FOUR_CORES, 4, 1000, 100));
    }

    #[test]
    fn tiny_calls_stay_on_one_core_that_keeps_up() {
        assert!(!is_worth_waking(FOUR_CORES, 1, 64, 5));
        assert!(is_worth_waking(FOUR_CORES, 1, 200, 5), "a millisecond of them waits");
    }

    #[test]
    fn a_request_waits_for_a_call_that_ends_sooner_than_a_thread_wakes_up() {
        assert!(!is_worth_waking(FOUR_CORES, 1, 1, 30));
        assert!(is_worth_waking(FOUR_CORES, 1, 2, 30));
        assert!(!is_worth_waking(FOUR_CORES, 2, 2, 30), "two cores share them");
    }
}
