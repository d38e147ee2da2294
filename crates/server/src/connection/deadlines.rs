//! Checks the deadlines of a connection, and charges the client only with its own time.
//!
//! Two things look like an idle client and are none. The server itself may have stood still (a paused
//! container, a virtual machine, a throttled CPU): its time is added to every deadline, and input that
//! the kernel already has is read before a deadline for it counts. And a client that reads steadily
//! makes room in the socket only now and then, because the kernel reports a socket writable when a
//! third of its buffer is free: what the peer acknowledges shows that it reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::Rejection;
use maitred_http_parser::connection::{Expired, Moment, Unsent};

use super::conn::{ClientConnection, State};
use crate::telemetry::CloseReason;
use crate::telemetry::record::RequestOutcome;

/// What is known of the progress of a client beyond the bytes that were read and written.
#[derive(Debug, Default)]
pub(super) struct ClientProgress {
    /// The deadline that has passed last although the input that it waited for was there, and not
    /// read yet. That counts once for each, as soon as the I/O task has looked, or a client could be
    /// late for ever.
    reprieved: Option<Instant>,
    /// Bytes of output that the socket has taken.
    sent: u64,
    /// How many of them the peer has acknowledged.
    acknowledged: u64,
}

impl ClientProgress {
    /// The socket has taken bytes of output.
    pub(super) fn sent(&mut self, count: u64) {
        self.sent += count;
    }

    /// The peer has acknowledged all output but the last `unacknowledged` bytes; returns how many
    /// bytes that are since the last call.
    fn acknowledged(&mut self, unacknowledged: u64) -> u64 {
        let before = self.acknowledged;
        self.acknowledged = self.sent.saturating_sub(unacknowledged);
        self.acknowledged.saturating_sub(before)
    }
}

impl ClientConnection {
    /// Checks the deadlines. Called once a second; `standstill` is the time for which the server
    /// itself could not call it.
    pub(crate) fn sweep(&self, standstill: Duration) {
        let now = self.shared.clock.now();
        let stream = {
            let mut state = self.state();
            state.protocol.postpone_deadlines(standstill);
            self.notify_waiting_worker(&state); // there may be room on the disk now, or it is late
            if !state.wants_read() {
                self.detect_disconnect(&mut state);
            }
            let is_late = state.protocol.overdue(now.instant).is_some();
            if !is_late && !state.has_output() {
                return;
            }
            match &state.stream {
                Some(stream) => Arc::clone(stream),
                None => return, // it has been handed to another process
            }
        };
        // The kernel is asked without the lock.
        let (unacknowledged, has_input) = (stream.unacknowledged(), stream.has_bytes());
        let mut state = self.state();
        if let Some(unacknowledged) = unacknowledged {
            state.output_acknowledged(unacknowledged, now.instant);
        }
        if let Some((Expired::KeepAlive | Expired::Head | Expired::Body, deadline)) =
            state.protocol.overdue(now.instant)
            && has_input
            && (state.progress.reprieved != Some(deadline) || state.is_io_awake())
        {
            state.progress.reprieved = Some(deadline);
            state.wake_io();
            return;
        }
        self.expire(&mut state, &now);
    }

    /// Ends what is overdue.
    fn expire(&self, state: &mut State, now: &Moment) {
        let State { protocol, outbox, .. } = &mut *state;
        let Some(expired) = outbox.append(|out| protocol.handle_time(out, now)) else { return };
        let outcome = RequestOutcome::Complete;
        match expired {
            // The protocol says that it is reset.
            Expired::Write => self.end(state, CloseReason::WriteTimeout),
            Expired::Linger => {
                let why = state.ending.reason();
                self.end(state, why);
            }
            Expired::KeepAlive => self.end(state, CloseReason::KeepAliveTimeout),
            Expired::Head => self.rejected(state, Rejection::HeadTimeout, outcome, now.instant),
            Expired::Body => self.rejected(state, Rejection::BodyTimeout, outcome, now.instant),
        }
        state.wake_io();
    }
}

impl State {
    /// Whether output waits, or is lent to a thread that sends it or moves it to the disk.
    fn has_output(&self) -> bool {
        self.writing || !self.outbox.is_empty()
    }

    fn output_acknowledged(&mut self, unacknowledged: u64, now: Instant) {
        let count = self.progress.acknowledged(unacknowledged);
        if count > 0 && self.has_output() {
            self.protocol.handle_sent(count, Unsent::Something, now);
        }
    }
}

#[cfg(test)]
#[path = "tests/deadlines.rs"]
mod tests;
