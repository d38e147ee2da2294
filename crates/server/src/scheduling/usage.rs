//! How worker threads spend their time: exact sums, updated at each state change.

use std::time::{Duration, Instant};

use super::elsewhere::WORTH;
use crate::telemetry::snapshot::Threads;

/// A call of this length or more is assumed to block on something other than the GIL.
pub(crate) const BLOCKING_CALL: Duration = Duration::from_millis(1);

/// The exact usage of the worker threads, up to `since`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) threads: Threads,
    since: Option<Instant>,
    /// A moving average of the length of calls, in nanoseconds.
    pub(crate) average_call_ns: u64,
    /// Nanoseconds that short calls have lasted, all together: what keeps a process busy although
    /// nothing waits for long.
    pub(crate) short_calls_ns: u64,
}

/// A change of a worker's occupation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It has begun to serve.
    Begins,
    /// It has stopped serving.
    Stops,
}

impl Usage {
    /// Adds the time up to `now`, for the current number of busy threads.
    pub(crate) fn settle(&mut self, now: Instant) {
        if let Some(since) = self.since {
            let passed = now.saturating_duration_since(since);
            let threads = &mut self.threads;
            threads.busy_time += passed * u32::try_from(threads.busy).unwrap_or(u32::MAX);
            if threads.count > 0 && threads.busy >= threads.count {
                threads.saturated_time += passed;
            }
        }
        self.since = Some(now);
    }

    /// A worker begins to serve, or stops.
    pub(crate) fn serves(&mut self, change: Change, now: Instant) {
        self.settle(now);
        let busy = &mut self.threads.busy;
        *busy = match change {
            Change::Begins => *busy + 1,
            Change::Stops => busy.saturating_sub(1),
        };
    }

    /// Records an ended call. The average moves by an eighth, so that a few calls of another kind
    /// change it noticeably, but a single one does not.
    pub(crate) fn called(&mut self, length: Duration) {
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX / 8);
        self.average_call_ns = self.average_call_ns - self.average_call_ns / 8 + length / 8;
        if u128::from(length) < WORTH.as_nanos() {
            self.short_calls_ns += length;
        }
    }

    /// A moving average of the length of calls.
    pub(crate) const fn average_call(&self) -> Duration {
        Duration::from_nanos(self.average_call_ns)
    }

    /// Whether calls are so long on average that they must be blocking.
    pub(crate) fn calls_block(&self) -> bool {
        u128::from(self.average_call_ns) >= BLOCKING_CALL.as_nanos()
    }
}
