//! Room for new connections: which connection may be closed for one, and what a client gets for which
//! there is none.

use std::time::{Duration, Instant};

use maitred_http_parser::connection::Phase;
use maitred_http_parser::encode::ErrorResponse;

use super::conn::{ClientConnection, State};
use crate::telemetry::CloseReason;

/// The order in which connections are closed to make room: the smaller value first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClosableConnection {
    /// It was rejected, and lingers.
    Refused(Instant),
    /// Nothing has arrived on it for [`FIRST_BYTE_MAX`]. Who only connects must not displace clients
    /// that are served.
    Silent(Instant),
    /// It is between two requests, or new.
    Between(Instant),
}

/// How long a new client may take to send its first byte until it is closed before others.
const FIRST_BYTE_MAX: Duration = Duration::from_secs(1);

impl ClientConnection {
    /// Whether the connection can be closed to make room, and since when.
    pub(crate) fn closable(&self) -> Option<ClosableConnection> {
        let state = self.state();
        match state.protocol.phase() {
            _ if state.ending.is_over() || !state.outbox.is_empty() || state.writing => None,
            Phase::Idle => {
                let since = state.last_active;
                let age = self.shared.clock.instant().saturating_duration_since(since);
                Some(if state.request.is_awaited() && age >= FIRST_BYTE_MAX {
                    ClosableConnection::Silent(since)
                } else {
                    ClosableConnection::Between(since)
                })
            }
            Phase::Ending if state.ending.is_lingering() => {
                Some(ClosableConnection::Refused(state.last_active))
            }
            Phase::Reading | Phase::Answering | Phase::Ending => None,
        }
    }

    /// Whether the connection has ended, although its task may not know yet.
    pub(crate) fn is_over(&self) -> bool {
        self.state().ending.is_over()
    }

    /// Whether another process has the connection, although its task may not know yet.
    pub(crate) fn has_moved(&self) -> bool {
        self.state().ending.is_moved()
    }

    /// Whether the kernel has input that has not been read.
    pub(crate) fn has_unread_input(&self) -> bool {
        let stream = self.state().stream.clone();
        stream.is_some_and(|stream| stream.has_bytes())
    }

    /// Closes the connection to make room for a new one.
    pub(crate) fn make_room(&self) {
        {
            let mut state = self.state();
            if state.ending.is_lingering() {
                let why = state.ending.reason();
                self.end(&mut state, why);
            } else {
                self.end(&mut state, CloseReason::Evicted);
                self.shared.telemetry.evicted();
            }
        }
        self.close();
    }

    /// Answers 503 to a new client, for which there is no room.
    pub(crate) fn reject_newcomer(&self) {
        let now = self.shared.clock.now();
        {
            let mut state = self.state();
            let State { protocol, outbox, .. } = &mut *state;
            let response = ErrorResponse::Busy { retry_after_seconds: 1 };
            outbox.append(|out| protocol.reject_overloaded(&response, out, &now));
            state.ending.expect(CloseReason::Rejected);
        }
        self.flush(now.instant);
    }
}
