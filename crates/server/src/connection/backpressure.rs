//! What happens to output that its client does not read.
//!
//! It must not fill the memory, and it must not stop the threads. So what exceeds `outbuf-overflow`, or
//! anything while clients hold more than `client-memory-limit` together, is moved to a file. Above
//! `outbuf-high-watermark` the thread waits for the client, as long as no request waits for a thread; when
//! one does, the thread goes on, and the response to the disk. Only if the disk takes no more (`spool-limit`,
//! or an error) does the thread wait all the same, for `write-timeout` at most in the course of one
//! response, which is broken off then.

use std::sync::Arc;
use std::time::Duration;

use super::conn::{ClientConnection, State};
use super::respond::ResponseWriter;
use super::shared::Answers;
use crate::scheduling::patience::Waiting;
use crate::scheduling::queue::Queue;
use crate::scheduling::requester::Requester;
use crate::telemetry::CloseReason;

/// The sweep wakes a thread that waits for room about once a second, to try the disk again. If more time
/// has passed, the server itself has stood still, which is not the client's doing.
const COUNTED_AT_ONCE_MAX: Duration = Duration::from_secs(2);

/// What a response has met so far.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    /// The disk has taken no more of it.
    disk: Disk,
    /// How long the thread has waited because of that.
    waited: Duration,
}

/// Whether output can be moved to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Disk {
    #[default]
    Takes,
    Refuses,
}

/// What a thread does about the output that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Nothing: the application goes on.
    GoOn,
    /// Move what is in memory to the disk.
    Spill,
    /// Wait until another thread has written what it has borrowed.
    WaitForWriter,
    /// Wait for the client, but not longer than until a request waits for a thread.
    WaitForClient,
    /// Wait for the client, or for room on the disk.
    WaitForRoom,
}

impl ResponseWriter {
    /// Whether [`ResponseWriter::relieve`] has something to do.
    pub(super) fn must_wait(&self, state: &State) -> bool {
        if state.outbox.is_empty() {
            return false;
        }
        let holds_too_much = self.holds_too_much(state);
        let may_spill = self.backpressure.disk == Disk::Takes;
        self.is_above_high_watermark(state)
            || holds_too_much && (may_spill || state.held.is_short())
    }

    /// Whether more output is in memory than may be.
    fn holds_too_much(&self, state: &State) -> bool {
        let bytes = state.outbox.memory_bytes();
        bytes > self.conn.policy.output_memory_max || state.is_short_of_memory(bytes)
    }

    fn is_above_high_watermark(&self, state: &State) -> bool {
        self.is_underway() && state.outbox.len() > self.conn.policy.output_high_watermark
    }

    /// Moves output out of memory, and waits for the client as long as it must.
    pub(super) fn relieve(&mut self) {
        let conn = Arc::clone(&self.conn);
        conn.flush_files(conn.shared.clock.instant());
        let Answers::Workers(queue) = &conn.shared.answers else { return };
        loop {
            let requests = queue.waiting();
            let remedy = self.remedy(&conn.state(), requests);
            match remedy {
                Remedy::GoOn => return,
                Remedy::Spill => {
                    if let Err(error) = conn.spill_output() {
                        if self.backpressure.waited.is_zero() {
                            conn.shared.telemetry.storage_failed("a response", &error);
                        }
                        self.backpressure.disk = Disk::Refuses;
                    }
                }
                Remedy::WaitForWriter => conn.wait_while(|state| state.writing),
                Remedy::WaitForClient => self.wait_for_client(&conn, queue),
                Remedy::WaitForRoom => self.wait_for_room(&conn),
            }
        }
    }

    fn remedy(&self, state: &State, requests: Waiting) -> Remedy {
        let is_wanted = requests == Waiting::Already;
        if state.ending.is_over() {
            return Remedy::GoOn;
        }
        let is_above = self.is_above_high_watermark(state);
        let holds_too_much = self.holds_too_much(state);
        if !is_above && !holds_too_much {
            return Remedy::GoOn;
        }
        if state.writing {
            return Remedy::WaitForWriter;
        }
        match self.backpressure.disk {
            Disk::Takes if holds_too_much => Remedy::Spill,
            Disk::Takes if is_wanted => Remedy::GoOn,
            Disk::Takes => Remedy::WaitForClient,
            Disk::Refuses if holds_too_much && state.held.is_short() => Remedy::WaitForRoom,
            Disk::Refuses if is_above && is_wanted => Remedy::WaitForRoom,
            Disk::Refuses if is_above => Remedy::WaitForClient,
            Disk::Refuses => Remedy::GoOn,
        }
    }

    /// Waits until the client has read enough, or a request waits for a thread.
    fn wait_for_client(&self, conn: &Arc<ClientConnection>, queue: &Queue) {
        let requester = Arc::clone(conn) as Arc<dyn Requester>;
        conn.state().is_wanted = false;
        if queue.wait_for_requests(&requester) == Waiting::NotYet {
            conn.wait_while(|state| self.is_above_high_watermark(state) && !state.is_wanted);
        }
        queue.stop_waiting(&requester);
    }

    /// Waits until output has been sent, or it is worth trying the disk again. Breaks the response off
    /// if that has taken too long.
    fn wait_for_room(&mut self, conn: &ClientConnection) {
        let left = conn.policy.rules.timeouts.write.saturating_sub(self.backpressure.waited);
        if left.is_zero() {
            let mut state = conn.state();
            conn.shared.telemetry.response_given_up(state.request.head());
            conn.break_off(&mut state, CloseReason::WriteTimeout);
            return;
        }
        let began = conn.shared.clock.instant();
        conn.wait_once();
        let waited = conn.shared.clock.instant().saturating_duration_since(began);
        self.backpressure.waited += waited.min(COUNTED_AT_ONCE_MAX);
        self.backpressure.disk = Disk::Takes;
    }
}

impl ClientConnection {
    /// Waits while the condition holds and the connection is not over. It is looked at when output has
    /// been sent, and when requests wait for a thread.
    fn wait_while(&self, condition: impl Fn(&State) -> bool) {
        let mut state = self.state();
        state.waiting_threads += 1;
        while condition(&state) && !state.ending.is_over() {
            state = self.output_progressed.wait(state);
        }
        state.waiting_threads -= 1;
    }

    /// Waits for the next event: output has been sent, the connection has ended, or it is swept.
    fn wait_once(&self) {
        let mut state = self.state();
        if state.ending.is_over() {
            return;
        }
        state.waiting_threads += 1;
        state = self.output_progressed.wait(state);
        state.waiting_threads -= 1;
    }
}
