//! Rate-limits repeated log lines: a few are written, the rest counted.
//!
//! Otherwise a client that can trigger a log line can fill the disk with it, and one line with a
//! count says more than ten thousand copies.

use std::time::{Duration, Instant};

use crate::system::mutex::Mutex;

/// A ration of lines for each stretch of time.
#[derive(Debug)]
pub(crate) struct RateLimit {
    lines: u32,
    interval: Duration,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    since: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl RateLimit {
    /// So many lines in each interval.
    pub(crate) const fn new(lines: u32, interval: Duration) -> Self {
        let used = Used { since: None, lines: 0, left_out: 0 };
        Self { lines, interval, used: Mutex::new(used) }
    }

    /// Whether a line may be written now, and how many have been left out before it.
    pub(crate) fn take(&self, now: Instant) -> Option<u64> {
        let mut used = self.used.lock();
        let is_over =
            used.since.is_none_or(|since| now.saturating_duration_since(since) >= self.interval);
        if is_over {
            used.since = Some(now);
            used.lines = 0;
        }
        if used.lines < self.lines {
            used.lines += 1;
            Some(std::mem::take(&mut used.left_out))
        } else {
            used.left_out += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn what_is_left_out_is_told_with_the_next_line() {
        let start = Instant::now();
        let ration = RateLimit::new(2, Duration::from_secs(10));
        let taken = [0, 1, 2, 3, 10].map(|at| ration.take(start + Duration::from_secs(at)));
        assert_eq!(taken, [Some(0), Some(0), None, None, Some(2)]);
    }
}
