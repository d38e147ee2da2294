//! How far a server has come: it serves, drains, and has stopped. It never goes back.
//!
//! The lifecycle decides it; probes, metrics and the status page are told through
//! [`Subject`](crate::telemetry::snapshot::Subject).

use std::sync::atomic::{AtomicU8, Ordering};

use crate::telemetry::snapshot::ServerPhase;

/// The phase that a server has reached.
#[derive(Debug)]
pub(crate) struct ReachedPhase(AtomicU8);

impl ReachedPhase {
    /// That of a server whose listeners are open.
    pub(crate) fn serving() -> Self {
        Self(AtomicU8::new(ServerPhase::Serving as u8))
    }

    /// The server has come to this phase; an earlier one than the present changes nothing.
    pub(crate) fn reach(&self, phase: ServerPhase) {
        self.0.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// The present phase.
    pub(crate) fn current(&self) -> ServerPhase {
        match self.0.load(Ordering::Acquire) {
            phase if phase == ServerPhase::Serving as u8 => ServerPhase::Serving,
            phase if phase == ServerPhase::Draining as u8 => ServerPhase::Draining,
            _ => ServerPhase::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_has_stopped_drains_no_more() {
        let reached = ReachedPhase::serving();
        assert_eq!(reached.current(), ServerPhase::Serving);
        for (phase, then) in [
            (ServerPhase::Draining, ServerPhase::Draining),
            (ServerPhase::Stopped, ServerPhase::Stopped),
            (ServerPhase::Draining, ServerPhase::Stopped),
        ] {
            reached.reach(phase);
            assert_eq!(reached.current(), then);
        }
    }
}
