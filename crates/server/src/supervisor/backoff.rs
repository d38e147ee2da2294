//! How long to wait before a worker that has died is started again: 0, 1, 2, 4 … 30 seconds, and 0
//! again for one that had been ready for a minute.

use std::time::Duration;

/// The longest pause.
const DELAY_MAX: Duration = Duration::from_secs(30);

/// Who has been ready for so long is not in a loop of crashes.
const IS_WELL_AFTER: Duration = Duration::from_secs(60);

/// The deaths of one worker number in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// A process of the number has died, after it had been ready for this long. Returns how long to
    /// wait before the next one is started.
    pub(super) fn died(&mut self, ready_for: Duration) -> Duration {
        if ready_for >= IS_WELL_AFTER {
            self.deaths = 0;
        }
        let delay = match self.deaths {
            0 => Duration::ZERO,
            deaths => Duration::from_secs(1 << (deaths - 1).min(16)).min(DELAY_MAX),
        };
        self.deaths = self.deaths.saturating_add(1);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(backoff: &mut Backoff, count: usize) -> Vec<u64> {
        (0..count).map(|_| backoff.died(Duration::ZERO).as_secs()).collect()
    }

    #[test]
    fn each_death_in_a_row_waits_twice_as_long_up_to_half_a_minute() {
        let mut backoff = Backoff::default();
        assert_eq!(delays(&mut backoff, 9), [0, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(Backoff { deaths: u32::MAX }.died(Duration::ZERO), DELAY_MAX);
    }

    #[test]
    fn a_worker_that_had_been_ready_for_a_minute_is_started_again_at_once() {
        let mut backoff = Backoff::default();
        delays(&mut backoff, 5);
        assert_eq!(backoff.died(Duration::from_secs(59)).as_secs(), 16);
        assert_eq!(backoff.died(Duration::from_secs(60)).as_secs(), 0);
        assert_eq!(delays(&mut backoff, 3), [1, 2, 4]);
    }
}
