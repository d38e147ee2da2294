//! Which request to stop is the second one, that stops at once.
//!
//! One request may come as several signals: GNU `timeout` signals its child and then the group that
//! the child is in, and Ctrl-C in a terminal reaches a wrapper and the server, to which the wrapper
//! passes its own on. Were the next signal taken for the second request, nothing would be drained.
//! So what comes within [`SAME_REQUEST`] of the first belongs to it.

use std::time::{Duration, Instant};

/// For how long signals belong to the first one: longer than wrappers take to pass a signal on, on a
/// busy machine too. Who means it sends another.
pub(crate) const SAME_REQUEST: Duration = Duration::from_millis(500);

/// When it was first asked to stop, if it was.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    first: Option<Instant>,
    has_echoed: bool,
}

/// What a request to stop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// The first one.
    First,
    /// The first one, come once more.
    Echo {
        /// Nobody has been told of an echo yet: a storm of signals shall not be one of lines.
        is_first: bool,
    },
    /// Another one.
    Second,
}

impl Requests {
    /// Somebody asks to stop at `now`.
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
        // Echoes do not put it off: a storm that goes on stops at once in the end.
        assert_eq!(requests.ask(first + SAME_REQUEST), Request::Second);
        assert_eq!(requests.ask(first + 2 * SAME_REQUEST), Request::Second);
    }
}
