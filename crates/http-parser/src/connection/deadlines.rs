//! The deadlines of a connection: one for reading and one for writing at a time.
//!
//! There are no timers. The server checks each connection once a second, so a request costs no timer
//! and a connection costs two values.
//!
//! A head must be complete within a fixed time from its first byte. Bodies and responses may be
//! long, so each byte extends their deadline, but only at the rate of [`BYTES_PER_SECOND_MIN`].
//! Therefore a client that sends or reads one byte at a time is also disconnected.

use std::time::{Duration, Instant};

use crate::decode::Progress;

/// The timeouts for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Idle time between two requests, or before the first.
    pub keep_alive: Duration,
    /// From the first byte of a head to its end.
    pub head: Duration,
    /// Waiting for body bytes.
    pub body: Duration,
    /// Waiting for the client to read response bytes.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(120),
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            write: Duration::from_secs(60),
        }
    }
}

/// The deadline that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// No request arrived.
    KeepAlive,
    /// A request head was not completed.
    Head,
    /// A request body did not continue.
    Body,
    /// The client did not read its response.
    Write,
    /// The client did not close the connection after the last response.
    Linger,
}

/// Whether output is left that the client has not taken yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// All output has been sent.
    Nothing,
    /// Some output waits until the client reads.
    Something,
}

/// The minimum rate of a body or a response after the first timeout. It is far below any real
/// connection, and far above that of a client that only holds a connection open.
const BYTES_PER_SECOND_MIN: u64 = 500;

#[derive(Debug)]
pub(super) struct Deadlines {
    reading: Option<(Instant, Expired)>,
    writing: Option<Instant>,
}

impl Deadlines {
    pub(super) fn new(timeouts: &Timeouts, now: Instant) -> Self {
        Self { reading: Some((now + timeouts.keep_alive, Expired::KeepAlive)), writing: None }
    }

    /// All input has been read, and ended at `progress`.
    pub(super) fn waits_for(&mut self, progress: Progress, timeouts: &Timeouts, now: Instant) {
        match (progress, self.reading) {
            (Progress::Head, Some((_, Expired::Head))) => {} // counted from the first byte
            (Progress::Head, _) => self.reading = Some((now + timeouts.head, Expired::Head)),
            (Progress::Between, Some((_, Expired::KeepAlive))) => {}
            (Progress::Between, _) => self.idle(timeouts, now),
            (Progress::Body | Progress::Rejected, _) => {}
        }
    }

    /// A response is complete, and the connection waits for the next request.
    pub(super) fn idle(&mut self, timeouts: &Timeouts, now: Instant) {
        self.reading = Some((now + timeouts.keep_alive, Expired::KeepAlive));
    }

    pub(super) fn body_begins(&mut self, timeouts: &Timeouts, now: Instant) {
        self.reading = Some((now + timeouts.body, Expired::Body));
    }

    pub(super) fn body_came(&mut self, count: u64, timeouts: &Timeouts, now: Instant) {
        if let Some((deadline, Expired::Body)) = &mut self.reading {
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
        self.reading = Some((until, Expired::Linger));
    }

    pub(super) fn output_moved(
        &mut self,
        count: u64,
        unsent: Unsent,
        timeouts: &Timeouts,
        now: Instant,
    ) {
        self.writing = match (unsent, self.writing) {
            (Unsent::Nothing, None) => None,
            (Unsent::Nothing, Some(_)) => {
                // The idle time begins when the client has received the last response.
                if let Some((_, Expired::KeepAlive)) = self.reading {
                    self.idle(timeouts, now);
                }
                None
            }
            (Unsent::Something, None) => Some(now + timeouts.write),
            (Unsent::Something, Some(deadline)) => {
                Some(extended(deadline, count, timeouts.write, now))
            }
        };
    }

    /// Since when the next request, or the rest of its head, has been waited for.
    pub(super) fn waiting_since(&self, timeouts: &Timeouts) -> Option<Instant> {
        let (deadline, expired) = self.reading?;
        let timeout = match expired {
            Expired::KeepAlive => timeouts.keep_alive,
            Expired::Head => timeouts.head,
            Expired::Body | Expired::Write | Expired::Linger => return None,
        };
        deadline.checked_sub(timeout)
    }

    pub(super) fn postpone(&mut self, by: Duration) {
        if let Some((deadline, _)) = &mut self.reading {
            *deadline += by;
        }
        if let Some(deadline) = &mut self.writing {
            *deadline += by;
        }
    }

    pub(super) fn overdue(&self, now: Instant) -> Option<(Expired, Instant)> {
        match (self.writing, self.reading) {
            (Some(deadline), _) if deadline <= now => Some((Expired::Write, deadline)),
            (Some(_), Some((_, Expired::KeepAlive))) => None,
            (_, Some((deadline, expired))) if deadline <= now => Some((expired, deadline)),
            _ => None,
        }
    }
}

/// The deadline after `count` more bytes: later by their worth at the minimum rate, but at most one
/// timeout from now.
fn extended(deadline: Instant, count: u64, timeout: Duration, now: Instant) -> Instant {
    let worth = Duration::from_millis(count.saturating_mul(1000) / BYTES_PER_SECOND_MIN);
    let latest = now + timeout;
    deadline.checked_add(worth).map_or(latest, |later| later.min(latest))
}
