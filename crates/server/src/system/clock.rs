//! The only place where the server reads a clock.
//!
//! Deadlines need a monotonic time for each event; the Date field needs a formatted date, which is
//! the same for a whole second. Each thread formats it once a second. When the second ends, it tells by
//! the monotonic time, which is read anyway: so the date changes when the second does (RFC 9110
//! §6.6.1), and costs no second look at a clock.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use maitred_http_parser::connection::Moment;
use maitred_http_parser::encode::HttpDate;

thread_local! {
    /// The date that this thread has formatted last.
    static RENDERED: Cell<Option<RenderedDate>> = const { Cell::new(None) };
}

/// A formatted date, and the monotonic times between which it is right.
#[derive(Clone, Copy)]
struct RenderedDate {
    since: Instant,
    until: Instant,
    date: HttpDate,
}

/// The clock of a server.
#[derive(Debug)]
pub struct Clock {
    /// The time at which a test's clock stands still.
    stands_at: Option<Instant>,
    /// How far a test has advanced the monotonic clock, in milliseconds.
    advanced_ms: AtomicU64,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that the others are told to ask")]
impl Clock {
    /// The system's clocks.
    pub fn new() -> Self {
        Self { stands_at: None, advanced_ms: AtomicU64::new(0) }
    }

    /// A monotonic clock that only moves when it is advanced, so that durations in a test are exact.
    pub fn standing() -> Self {
        Self { stands_at: Some(Instant::now()), ..Self::new() }
    }

    /// The monotonic time.
    pub fn instant(&self) -> Instant {
        let now = self.stands_at.unwrap_or_else(Instant::now);
        match self.advanced_ms.load(Ordering::Relaxed) {
            0 => now,
            advanced => now + Duration::from_millis(advanced),
        }
    }

    /// Both times.
    pub fn now(&self) -> Moment {
        let instant = self.instant();
        Moment { instant, date: date(instant) }
    }

    /// The time of day.
    pub fn wall(&self) -> SystemTime {
        wall()
    }

    /// Advances the monotonic clock, so that a test of a timeout need not wait.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.advanced_ms.fetch_add(by, Ordering::Relaxed);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// The date at this monotonic time, which is now.
fn date(now: Instant) -> HttpDate {
    match RENDERED.get() {
        // The bound below is for a thread that asks the clocks of several servers.
        Some(known) if (known.since..known.until).contains(&now) => known.date,
        _ => {
            let rendered = render(now, wall());
            RENDERED.set(Some(rendered));
            rendered.date
        }
    }
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the clock's own look at the system's")]
fn wall() -> SystemTime {
    SystemTime::now()
}

/// Formats the time of day. The monotonic time was read before it, so the date is looked at again a
/// little before the second ends, and never after that.
fn render(now: Instant, wall: SystemTime) -> RenderedDate {
    let since_epoch = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_secs(1) - Duration::from_nanos(since_epoch.subsec_nanos().into());
    RenderedDate { since: now, until: now + left, date: HttpDate::new(wall) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of the clock needs a time to begin with")]
    fn a_date_is_right_until_its_second_ends_and_no_longer() {
        let now = Instant::now();
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_512_379_167);
        for (millis, left) in [(0, 1000), (1, 999), (250, 750), (999, 1)] {
            let rendered = render(now, second + Duration::from_millis(millis));
            assert_eq!(rendered.until, now + Duration::from_millis(left), "at {millis} ms");
            assert_eq!(rendered.date, HttpDate::new(second));
        }
    }

    #[test]
    fn a_date_changes_when_the_second_does() {
        let clock = Clock::new();
        let second =
            |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let first = second(clock.wall());
        loop {
            let before = second(clock.wall());
            let date = clock.now().date;
            let after = second(clock.wall());
            let date_of =
                |second| HttpDate::new(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
            assert!(
                (before..=after).any(|second| date_of(second) == date),
                "{date:?}, not {before}"
            );
            if before > first {
                return;
            }
        }
    }
}
