//! How long accepting has been paused.

use std::time::{Duration, Instant};

/// Several listeners may pause at once; the time counts while at least one does.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    paused: usize,
    since: Option<Instant>,
    before: Duration,
}

impl Stopwatch {
    /// A listener stops accepting.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.paused += 1;
        self.since.get_or_insert(now);
    }

    /// A listener goes on.
    pub(crate) fn end(&mut self, now: Instant) {
        self.paused = self.paused.saturating_sub(1);
        if self.paused == 0
            && let Some(since) = self.since.take()
        {
            self.before += now.saturating_duration_since(since);
        }
    }

    /// Whether a listener pauses now.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused > 0
    }

    /// All pauses so far.
    pub(crate) fn total(&self, now: Instant) -> Duration {
        self.before
            + self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn pauses_that_overlap_count_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pause = Stopwatch::default();
        pause.begin(at(1));
        pause.begin(at(2));
        pause.end(at(3));
        assert!(pause.is_paused());
        assert_eq!(pause.total(at(4)), Duration::from_secs(3));
        pause.end(at(5));
        assert_eq!(pause.total(at(9)), Duration::from_secs(4));
    }
}
