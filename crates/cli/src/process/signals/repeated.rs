//! Decides whether a signal is a second request to stop, which exits immediately.
//!
//! One request may arrive as several signals. GNU `timeout` signals its child and then the child's
//! process group; Ctrl-C in a terminal reaches the server directly and again through a wrapper that
//! forwards it. If the second of them counted as a second request, nothing would be drained. So
//! signals within [`SAME_REQUEST`] of the first belong to it.

use std::time::{Duration, Instant};

/// For how long further signals belong to the first one: longer than a wrapper needs to forward a
/// signal on a busy machine.
pub(crate) const SAME_REQUEST: Duration = Duration::from_millis(500);

/// The requests to stop so far.
#[derive(Debug, Default)]
pub(crate) struct StopRequests {
    first: Option<Instant>,
    has_repeated: bool,
}

/// The kind of a request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopRequest {
    /// The first one.
    First,
    /// Another signal of the first one.
    Repeat {
        /// Whether it is the first repeat; only that one is logged.
        is_first: bool,
    },
    /// A second one.
    Second,
}

impl StopRequests {
    /// Classifies a request to stop that arrives at `now`.
    pub(crate) fn ask(&mut self, now: Instant) -> StopRequest {
        let Some(first) = self.first else {
            self.first = Some(now);
            return StopRequest::First;
        };
        if now.saturating_duration_since(first) >= SAME_REQUEST {
            return StopRequest::Second;
        }
        StopRequest::Repeat { is_first: !std::mem::replace(&mut self.has_repeated, true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_soon_after_the_first_repeats_it_and_a_later_one_is_the_second() {
        let mut requests = StopRequests::default();
        let first = Instant::now();
        assert_eq!(requests.ask(first), StopRequest::First);
        assert_eq!(requests.ask(first), StopRequest::Repeat { is_first: true });
        let last_repeat = first + SAME_REQUEST - Duration::from_nanos(1);
        assert_eq!(requests.ask(last_repeat), StopRequest::Repeat { is_first: false });
        // Repeats do not extend the interval, so repeated signals exit immediately in the end.
        assert_eq!(requests.ask(first + SAME_REQUEST), StopRequest::Second);
        assert_eq!(requests.ask(first + 2 * SAME_REQUEST), StopRequest::Second);
    }
}
