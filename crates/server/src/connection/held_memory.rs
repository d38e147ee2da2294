//! Counts the memory that a connection holds for its client, whenever it may have changed.
//!
//! What stays small is not looked at: a request without a large body, answered by a response that the
//! socket takes at once, changes nothing here.

use super::budget::UNCOUNTED_BYTES;
use super::conn::State;

impl State {
    /// Input has arrived or has been used up.
    pub(super) fn settle_input(&mut self) {
        let bytes = self.input_bytes();
        self.held.set_input(bytes);
    }

    /// The same, if it matters: `arrived` bytes have.
    pub(super) fn settle_arrived(&mut self, arrived: u64) {
        if arrived > UNCOUNTED_BYTES || self.held.input() > 0 {
            self.settle_input();
        }
    }

    /// Output was added or sent.
    pub(super) fn settle_output(&mut self) {
        if !self.outbox.is_empty() || self.held.output() > 0 {
            let bytes = self.outbox.memory_bytes();
            self.held.set_output(bytes);
        }
    }

    /// The memory of what has arrived: incomplete or pipelined input, and the request.
    pub(super) fn input_bytes(&self) -> u64 {
        self.protocol.held_bytes() as u64 + self.request.held_bytes()
    }

    /// The memory of what waits for the client, or is being sent.
    pub(super) fn output_bytes(&self) -> u64 {
        let lent = if self.writing { self.held.output() } else { 0 };
        self.outbox.memory_bytes().max(lent)
    }

    /// Whether the connection holds memory while all of them together hold too much.
    pub(super) fn is_short_of_memory(&self, held: u64) -> bool {
        held > UNCOUNTED_BYTES && self.held.is_short()
    }
}
