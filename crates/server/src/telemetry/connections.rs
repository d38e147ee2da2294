//! Counts connections as they come and go, and those that are turned away.

use super::labels::{CloseReason, RejectReason};
use super::{Telemetry, counters};

impl Telemetry {
    /// A connection was accepted at a listener.
    pub(crate) fn connection_accepted(&self, listener: usize) {
        self.cells.count(counters::accepted(listener));
    }

    /// A connection has ended.
    pub(crate) fn connection_closed(&self, reason: CloseReason) {
        self.cells.count(counters::CLOSED.at(reason));
    }

    /// A connection or a request was turned away.
    pub(crate) fn overload_rejected(&self, why: RejectReason) {
        self.cells.count(counters::REJECTED.at(why));
    }

    /// An idle connection was closed to make room.
    pub(crate) fn evicted(&self) {
        self.cells.count(counters::EVICTED);
    }

    /// A listener pauses accepting.
    pub(crate) fn accept_paused(&self) {
        let now = self.clock.instant();
        self.pause().begin(now);
    }

    /// A listener resumes accepting.
    pub(crate) fn accept_resumed(&self) {
        let now = self.clock.instant();
        self.pause().end(now);
    }
}
