//! Counts the connections that worker processes hand to each other.

use super::cells::Lost;
use super::labels::{CloseReason, HandoffReason, HandoffRefusal};
use super::{Telemetry, counters};

impl Telemetry {
    /// A connection was handed over to another worker process.
    pub(crate) fn handed_over(&self, why: HandoffReason) {
        self.cells.count(counters::HANDOFFS.at(why));
    }

    /// A connection of another worker process continues here.
    pub(crate) fn adopted(&self) {
        self.cells.count(counters::HANDOFFS_ADOPTED);
    }

    /// A connection could not be handed over.
    pub(crate) fn handoff_refused(&self, why: HandoffRefusal) {
        self.cells.count(counters::HANDOFFS_REFUSED.at(why));
    }

    /// A connection of another worker process has arrived, and cannot be continued.
    pub(crate) fn handoff_lost(&self, lost: &Lost) {
        self.cells.lose(lost, CloseReason::Error);
    }

    /// Requests wait that cannot move, although another worker process has room.
    pub(crate) fn unmovable_waited(&self, count: u64) {
        self.cells.block().add(counters::UNMOVABLE_WAITS, count);
    }
}
