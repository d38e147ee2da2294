//! The only place where the server reads a clock.
//!
//! Deadlines need a monotonic time for each event; the Date field needs a formatted date, which is
//! the same for a whole second. The sweep sets the current second, and each thread formats it once.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use maitred_http_parser::connection::Moment;
use maitred_http_parser::encode::HttpDate;

thread_local! {
    /// The last second that this thread has formatted.
    static RENDERED: Cell<Option<(u64, HttpDate)>> = const { Cell::new(None) };
}

/// The clock of a server.
#[derive(Debug)]
pub struct Clock {
    /// The second of the Date field, since 1970.
    second: AtomicU64,
    /// The time at which a test's clock stands still.
    stands_at: Option<Instant>,
    /// How far a test has advanced the monotonic clock, in milliseconds.
    advanced_ms: AtomicU64,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that the others are told to ask")]
impl Clock {
    /// The system's clocks.
    pub fn new() -> Self {
        Self { second: AtomicU64::new(second()), stands_at: None, advanced_ms: AtomicU64::new(0) }
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
        Moment { instant: self.instant(), date: date(self.second.load(Ordering::Relaxed)) }
    }

    /// The time of day.
    pub fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Updates the date. Called once a second.
    pub fn tick(&self) {
        self.second.store(second(), Ordering::Relaxed);
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

/// The current second since 1970.
#[expect(clippy::disallowed_methods, reason = "the clock's own look at the system's")]
fn second() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn date(second: u64) -> HttpDate {
    match RENDERED.get() {
        Some((rendered, date)) if rendered == second => date,
        _ => {
            let date = HttpDate::new(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
            RENDERED.set(Some((second, date)));
            date
        }
    }
}
