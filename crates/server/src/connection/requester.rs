//! Implements the queue's view of a connection.

use std::time::{Duration, Instant};

use maitred_http_parser::encode::ErrorResponse;

use super::conn::ClientConnection;
use super::submit;
use crate::scheduling::requester::Requester;
use crate::telemetry::record::{Record, RequestOutcome};
use crate::telemetry::snapshot::RequestSummary;
use crate::telemetry::{CloseReason, DisconnectStage, RejectReason};

/// A queued request is dropped if it waits this long after its client closed its side. Until then,
/// the client may only have half-closed (RFC 9112 §9.6), and still want the response.
const HALF_CLOSED_PATIENCE: Duration = Duration::from_secs(1);

impl Requester for ClientConnection {
    fn has_left(&self, queued_at: Instant, now: Instant) -> bool {
        self.presence.has_left(queued_at, now, HALF_CLOSED_PATIENCE)
    }

    fn abandoned(&self) {
        let mut state = self.state();
        if let Some(record) = &mut state.record {
            record.result = Some(RequestOutcome::Abandoned(DisconnectStage::Queued));
        }
        self.leave(&mut state, CloseReason::Client);
    }

    fn reject_overloaded(&self, why: RejectReason) {
        // Counted first, so that the metrics include it when the client has its response.
        self.shared.telemetry.overload_rejected(why);
        submit::refuse(self, &ErrorResponse::Busy { retry_after_seconds: 1 });
    }

    fn taken(&self, worker: usize, waited: Duration, now: Instant) {
        if let Some(record) = &mut self.state().record {
            record.taken_at = Some(now);
            record.thread = Some(worker);
        }
        self.shared.telemetry.request_taken(waited);
    }

    fn served(&self, lasted: Duration) {
        self.shared.telemetry.request_served(lasted);
    }

    fn time_out(&self, worker: usize, taken_at: Instant) {
        let now = self.shared.clock.now();
        let mut state = self.state();
        let is_that_one = state.record.as_ref().is_some_and(|record| {
            record.taken_at == Some(taken_at)
                && record.thread == Some(worker)
                && record.result.is_none()
        });
        if is_that_one {
            submit::refuse_locked(self, &mut state, &ErrorResponse::TimedOut, &now);
            drop(state);
            self.flush(now.instant);
        }
    }

    fn flush(&self, now: Instant) {
        Self::flush(self, now);
    }

    fn summary(&self, taken_at: Instant, now: Instant) -> RequestSummary {
        let state = self.state();
        let record = state.record.as_ref().filter(|record| record.taken_at == Some(taken_at));
        let head = record.and_then(|record| record.head.as_deref());
        RequestSummary {
            method: head.map_or_else(|| "-".to_owned(), |head| head.method().to_owned()),
            path: head.map_or_else(
                || "-".to_owned(),
                |head| String::from_utf8_lossy(head.path()).into_owned(),
            ),
            client: record.map_or(&*self.peer.host, Record::client_address).to_owned(),
            request_id: record.and_then(|record| record.request_id.clone()),
            runs_for: now.saturating_duration_since(taken_at),
        }
    }
}
