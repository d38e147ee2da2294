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
    /// The last second that this thread has rendered.
    static RENDERED: Cell<Option<(u64, HttpDate)>> = const { Cell::new(None) };
}

/// Tells the time.
#[derive(Debug)]
pub struct Clock {
    /// The second that the Date field tells, since 1970.
    second: AtomicU64,
    /// Where it stands still, when it does.
    stands_at: Option<Instant>,
    /// How far the monotonic clock has been put forward, in milliseconds: a test need not wait.
    advanced_ms: AtomicU64,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that the others are told to ask")]
impl Clock {
    /// The system's clocks.
    pub fn new() -> Self {
        Self { second: AtomicU64::new(second()), stands_at: None, advanced_ms: AtomicU64::new(0) }
    }

    /// A monotonic clock that only moves when it is put forward, so that a test can say exactly
    /// how long everything took.
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

    /// Looks at the date anew. Called once a second.
    pub fn tick(&self) {
        self.second.store(second(), Ordering::Relaxed);
    }

    /// Puts the monotonic clock forward, so that a test of a timeout need not wait for it.
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

/// The second that it is, since 1970.
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
