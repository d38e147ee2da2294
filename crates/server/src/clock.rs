//! The only place where the server looks at a clock.
//!
//! Deadlines need a monotonic time for each event; the Date field needs a rendered date, which is
//! the same for a whole second and is therefore made once a second, by the sweep.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use maitred_http_parser::connection::Moment;
use maitred_http_parser::encode::HttpDate;

/// Tells the time.
#[derive(Debug)]
pub struct Clock {
    date: Mutex<HttpDate>,
    /// Where it stands still, when it does.
    stands_at: Option<Instant>,
    /// How far the monotonic clock has been put forward, in milliseconds: a test need not wait.
    advanced_ms: AtomicU64,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that the others are told to ask")]
impl Clock {
    /// The system's clocks.
    pub fn new() -> Self {
        Self {
            date: Mutex::new(HttpDate::new(SystemTime::now())),
            stands_at: None,
            advanced_ms: AtomicU64::new(0),
        }
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
        Moment {
            instant: self.instant(),
            date: *self.date.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The time of day.
    pub fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Renders the date anew. Called once a second.
    pub fn tick(&self) {
        *self.date.lock().unwrap_or_else(PoisonError::into_inner) =
            HttpDate::new(SystemTime::now());
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
