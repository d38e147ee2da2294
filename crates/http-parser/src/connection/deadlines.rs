//! How long each thing may take. One deadline at a time for what is read, one for what is written.
//!
//! Nobody sets a timer: the server asks each connection once a second whether it is late, so that
//! a request costs no timer and a connection costs two numbers.
//!
//! A head must be whole in a fixed time from its first byte. Bodies and responses may be as long
//! as they like, so there the time is extended by progress; and because one byte now and then is
//! progress too, only as much as [`BYTES_PER_SECOND_MIN`] allows. A client that drips is cut off
//! as surely as one that is silent.

use std::time::{Duration, Instant};

use crate::decode::Progress;

/// How long a client may take, each capped by `channel-timeout` where the settings are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Idle, between two requests or before the first.
    pub keep_alive: Duration,
    /// From the first byte of a head to its end.
    pub head: Duration,
    /// Without a byte of the body.
    pub body: Duration,
    /// Without a byte of the response being taken.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(75),
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            write: Duration::from_secs(60),
        }
    }
}

/// What was not done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// No request came.
    KeepAlive,
    /// A request head did not end.
    Head,
    /// A request body did not go on.
    Body,
    /// The client did not take its response.
    Write,
    /// The client did not close after it was refused.
    Linger,
}

/// The slowest rate at which a body or a response may move, once the first timeout has been used
/// up. A modem of 1990 was four times as fast; a drip to hold a connection is a thousand times
/// slower.
const BYTES_PER_SECOND_MIN: u64 = 500;

#[derive(Debug)]
pub(super) struct Deadlines {
    reading: Option<(Instant, Late)>,
    writing: Option<Instant>,
}

impl Deadlines {
    pub(super) fn new(timeouts: &Timeouts, now: Instant) -> Self {
        Self { reading: Some((now + timeouts.keep_alive, Late::KeepAlive)), writing: None }
    }

    /// All that came has been read, and this is where it ends.
    pub(super) fn waits_for(&mut self, progress: Progress, timeouts: &Timeouts, now: Instant) {
        match (progress, self.reading) {
            (Progress::Head, Some((_, Late::Head))) => {} // from its first byte, however it drips
            (Progress::Head, _) => self.reading = Some((now + timeouts.head, Late::Head)),
            (Progress::Between, Some((_, Late::KeepAlive))) => {}
            (Progress::Between, _) => self.idle(timeouts, now),
            (Progress::Body | Progress::Rejected, _) => {}
        }
    }

    /// A response is complete, and the next request may take its time.
    pub(super) fn idle(&mut self, timeouts: &Timeouts, now: Instant) {
        self.reading = Some((now + timeouts.keep_alive, Late::KeepAlive));
    }

    pub(super) fn body_begins(&mut self, timeouts: &Timeouts, now: Instant) {
        self.reading = Some((now + timeouts.body, Late::Body));
    }

    pub(super) fn body_came(&mut self, count: u64, timeouts: &Timeouts, now: Instant) {
        if let Some((deadline, Late::Body)) = &mut self.reading {
            *deadline = extended(*deadline, count, timeouts.body, now);
        }
    }

    pub(super) fn nothing_to_read(&mut self) {
        self.reading = None;
    }

    pub(super) fn nothing_to_write(&mut self) {
        self.writing = None;
    }

    pub(super) fn linger(&mut self, until: Instant) {
        self.reading = Some((until, Late::Linger));
    }

    pub(super) fn output_moved(
        &mut self,
        count: u64,
        pending: bool,
        timeouts: &Timeouts,
        now: Instant,
    ) {
        self.writing = match (pending, self.writing) {
            (false, None) => None,
            (false, Some(_)) => {
                // A client can be asked for its next request once it has the last answer.
                if let Some((_, Late::KeepAlive)) = self.reading {
                    self.idle(timeouts, now);
                }
                None
            }
            (true, None) => Some(now + timeouts.write),
            (true, Some(deadline)) => Some(extended(deadline, count, timeouts.write, now)),
        };
    }

    pub(super) fn overdue(&self, now: Instant) -> Option<Late> {
        match (self.writing, self.reading) {
            (Some(deadline), _) if deadline <= now => Some(Late::Write),
            (Some(_), Some((_, Late::KeepAlive))) => None,
            (_, Some((deadline, late))) if deadline <= now => Some(late),
            _ => None,
        }
    }
}

/// A deadline after `count` more bytes have moved: as much later as they are worth, but never
/// further away than one whole timeout.
fn extended(deadline: Instant, count: u64, timeout: Duration, now: Instant) -> Instant {
    let worth = Duration::from_millis(count.saturating_mul(1000) / BYTES_PER_SECOND_MIN);
    let latest = now + timeout;
    deadline.checked_add(worth).map_or(latest, |later| later.min(latest))
}
