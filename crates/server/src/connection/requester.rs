//! Implements the queue's view of a connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::encode::ErrorResponse;

use super::conn::{ClientConnection, State};
use super::request_start;
use super::submit;
use crate::scheduling::requester::{QueuedRequest, Requester};
use crate::scheduling::siblings::Destination;
use crate::telemetry::{CloseReason, RejectReason};

impl Requester for ClientConnection {
    fn has_left(&self) -> bool {
        self.presence.has_left()
    }

    fn abandoned(&self) {
        let mut state = self.state();
        state.request.abandoned();
        self.end(&mut state, CloseReason::Client);
    }

    fn reject_overloaded(&self, why: RejectReason) {
        // Counted first, so that the metrics include it when the client has its response.
        self.shared.telemetry.overload_rejected(why);
        submit::refuse(self, &ErrorResponse::Busy { retry_after_seconds: 1 });
    }

    fn taken(&self, worker: usize, waited: Duration, now: Instant) {
        {
            let mut state = self.state();
            state.request.taken(worker, now);
            state.travel.ends();
            if self.is_from_trusted {
                self.upstream_observed(&state, now);
            }
        }
        self.shared.telemetry.request_taken(waited);
    }

    fn served(&self, lasted: Duration) {
        self.shared.telemetry.request_served(lasted);
    }

    fn time_out(&self, worker: usize, taken_at: Instant) {
        let now = self.shared.clock.now();
        {
            let mut state = self.state();
            if !state.request.is_served_by(worker, taken_at) {
                return;
            }
            state.refuse(&ErrorResponse::TimedOut, &now);
        }
        self.flush(now.instant);
    }

    fn requests_wait(&self) {
        let mut state = self.state();
        state.is_wanted = true;
        self.notify_waiting_worker(&state);
    }

    fn flush(&self, now: Instant) {
        Self::flush(self, now);
    }

    fn hand_over(
        self: Arc<Self>,
        request: Box<QueuedRequest>,
        to: Destination,
    ) -> Result<(), Box<QueuedRequest>> {
        self.hand_over_request(request, to)
    }
}

impl ClientConnection {
    /// A request is observed when it is taken, so that one that moves is not observed twice.
    fn upstream_observed(&self, state: &State, now: Instant) {
        let Some((head, received_at)) = state.request.received() else { return };
        let Some(start) = head.field("x-request-start") else { return };
        let since = now.saturating_duration_since(received_at);
        if let Some(waited) = request_start::waited(start, self.shared.clock.wall() - since) {
            self.shared.telemetry.waited_upstream(waited);
        }
    }
}
