//! How worker threads spend their time: exact sums, updated at each state change.

use std::time::{Duration, Instant};

/// A call of this length or more is taken to wait for something else than the interpreter.
pub(crate) const BLOCKING_CALL: Duration = Duration::from_millis(1);

/// What worker threads have been doing, exactly, up to `since`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Worker threads that exist.
    pub(crate) threads: usize,
    /// Those that serve a request now.
    pub(crate) busy: usize,
    /// Thread-seconds spent serving.
    pub(crate) busy_time: Duration,
    /// Seconds in which every thread was busy.
    pub(crate) saturated_time: Duration,
    /// Seconds that woken threads waited for the interpreter.
    pub(crate) attach_time: Duration,
    since: Option<Instant>,
    /// A moving average of the length of calls, in nanoseconds.
    pub(crate) average_call_ns: u64,
}

/// What one worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It has taken a request, and had none.
    Begins,
    /// It has none any more.
    Stops,
}

impl Usage {
    /// Counts the time up to `now` for the number of threads that were busy in it.
    pub(crate) fn settle(&mut self, now: Instant) {
        if let Some(since) = self.since {
            let passed = now.saturating_duration_since(since);
            self.busy_time += passed * u32::try_from(self.busy).unwrap_or(u32::MAX);
            if self.threads > 0 && self.busy >= self.threads {
                self.saturated_time += passed;
            }
        }
        self.since = Some(now);
    }

    /// A worker begins to serve, or stops.
    pub(crate) fn serves(&mut self, change: Change, now: Instant) {
        self.settle(now);
        self.busy = match change {
            Change::Begins => self.busy + 1,
            Change::Stops => self.busy.saturating_sub(1),
        };
    }

    /// A call has ended. The average moves by an eighth, so that a few calls of another kind
    /// change the picture, and a single one does not.
    pub(crate) fn called(&mut self, length: Duration) {
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX / 8);
        self.average_call_ns = self.average_call_ns - self.average_call_ns / 8 + length / 8;
    }

    /// Whether calls are so long on average that they must be waiting for something.
    pub(crate) fn calls_block(&self) -> bool {
        u128::from(self.average_call_ns) >= BLOCKING_CALL.as_nanos()
    }
}
