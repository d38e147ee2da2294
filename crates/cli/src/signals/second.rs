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
pub(crate) struct Requests {
    first: Option<Instant>,
    has_echoed: bool,
}

/// The kind of a request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The first one.
    First,
    /// Another signal of the first one.
    Echo {
        /// Whether it is the first echo; only that one is logged.
        is_first: bool,
    },
    /// A second one.
    Second,
}

impl Requests {
    /// Classifies a request to stop that arrives at `now`.
    pub(crate) fn ask(&mut self, now: Instant) -> Request {
        let Some(first) = self.first else {
            self.first = Some(now);
            return Request::First;
        };
        if now.saturating_duration_since(first) >= SAME_REQUEST {
            return Request::Second;
        }
        Request::Echo { is_first: !std::mem::replace(&mut self.has_echoed, true) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_soon_after_the_first_belongs_to_it_and_what_comes_later_is_the_second() {
        let mut requests = Requests::default();
        let first = Instant::now();
        assert_eq!(requests.ask(first), Request::First);
        assert_eq!(requests.ask(first), Request::Echo { is_first: true });
        let last_echo = first + SAME_REQUEST - Duration::from_nanos(1);
        assert_eq!(requests.ask(last_echo), Request::Echo { is_first: false });
        // Echoes do not extend the interval, so repeated signals exit immediately in the end.
        assert_eq!(requests.ask(first + SAME_REQUEST), Request::Second);
        assert_eq!(requests.ask(first + 2 * SAME_REQUEST), Request::Second);
    }
}
