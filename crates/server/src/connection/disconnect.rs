//! How the server learns that a client has disconnected, as far as it can tell without sending.
//!
//! The end of the input is read like any input, and may come long after input that is still kept. A
//! client at its pipelining limit is not read, so the sweep asks the reactor about its end. Who waits
//! for an answer asks [`ClientPresence`], which needs no lock.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use maitred_http_parser::connection::Phase;
use maitred_http_parser::exchange::Presence;

use super::conn::{ClientConnection, State};
use crate::telemetry::record::RequestOutcome;
use crate::telemetry::{CloseReason, DisconnectStage};
use crate::transport::stream::PeerEnd;

/// A queued request is dropped if it waits this long after its client closed its side. Until then,
/// the client may only have half-closed (RFC 9112 §9.6), and still want the response.
const HALF_CLOSED_PATIENCE: Duration = Duration::from_secs(1);

/// Whether the client is still connected. It is separate from the connection, because an application
/// may keep it indefinitely, and must not keep the socket open with it.
#[derive(Debug, Default)]
pub(crate) struct ClientPresence {
    gone: AtomicBool,
    half_closed_at: OnceLock<Instant>,
}

impl ClientPresence {
    /// The connection is closed: nothing more can be sent.
    pub(super) fn is_lost(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// The client will send nothing more, but may still want the response.
    fn half_closed(&self, now: Instant) {
        // Only the first time counts.
        let _ = self.half_closed_at.set(now);
    }

    /// Whether no client is left for a request queued at `queued_at`: the connection is closed, or the
    /// client closed its side a while ago.
    pub(super) fn has_left(&self, queued_at: Instant, now: Instant) -> bool {
        let has_waited = |at: &Instant| now.saturating_duration_since(queued_at.max(*at));
        self.gone.load(Ordering::Acquire)
            || self.half_closed_at.get().is_some_and(|at| has_waited(at) >= HALF_CLOSED_PATIENCE)
    }
}

impl Presence for ClientPresence {
    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) || self.half_closed_at.get().is_some()
    }
}

impl ClientConnection {
    /// The client will send nothing more.
    pub(super) fn input_ended(&self, state: &mut State) {
        state.ending.input_ended();
        if state.protocol.has_pipelined() {
            return; // earlier input comes first
        }
        let now = self.shared.clock.now();
        self.presence.half_closed(now.instant);
        if state.protocol.phase() == Phase::Idle {
            state.ending.expect(CloseReason::Client);
        }
        let State { protocol, outbox, .. } = state;
        if let Some(rejection) = outbox.append(|out| protocol.handle_eof(out, &now)) {
            let outcome = RequestOutcome::Abandoned(DisconnectStage::Reading);
            self.rejected(state, rejection, outcome, now.instant);
        }
    }

    /// Checks whether a client that is not read has disconnected.
    pub(super) fn detect_disconnect(&self, state: &mut State, now: Instant) {
        match state.stream.as_ref().and_then(|stream| stream.peer_end()) {
            Some(PeerEnd::Broken) => self.end(state, CloseReason::Client),
            Some(PeerEnd::HalfClosed) => self.presence.half_closed(now),
            None => {}
        }
    }
}
