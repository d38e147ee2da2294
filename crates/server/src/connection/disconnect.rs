//! How the server learns that a client has disconnected, as far as it can tell without sending.
//!
//! The end of the input is read like any input, and may come long after input that is still kept. A
//! client at its pipelining limit is not read, so the sweep asks the reactor about its end. Who waits
//! for an answer asks [`ClientPresence`], which needs no lock.
//!
//! The end of the input is no farewell: a client that has sent a complete request may close its side
//! and still want the response (RFC 9112 §9.6). Only a reset, or output that cannot be sent, shows that
//! nobody waits. But most clients that close have left, and an application may ask whether to go on
//! with expensive work, so `client_disconnected()` takes it for one.

use std::sync::atomic::{AtomicBool, Ordering};

use maitred_http_parser::connection::Phase;
use maitred_http_parser::exchange::Presence;

use super::conn::{ClientConnection, State};
use crate::telemetry::record::RequestOutcome;
use crate::telemetry::{CloseReason, DisconnectStage};
use crate::transport::stream::PeerEnd;

/// Whether the client is still connected. It is separate from the connection, because an application
/// may keep it indefinitely, and must not keep the socket open with it.
#[derive(Debug, Default)]
pub(crate) struct ClientPresence {
    gone: AtomicBool,
    is_half_closed: AtomicBool,
}

impl ClientPresence {
    /// The connection is closed: nothing more can be sent.
    pub(super) fn is_lost(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// The client will send nothing more, but may still want the response.
    fn half_closed(&self) {
        self.is_half_closed.store(true, Ordering::Release);
    }

    /// Whether no client is left to answer: the connection is closed.
    pub(super) fn has_left(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}

impl Presence for ClientPresence {
    fn is_gone(&self) -> bool {
        self.has_left() || self.is_half_closed.load(Ordering::Acquire)
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
        self.presence.half_closed();
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
    pub(super) fn detect_disconnect(&self, state: &mut State) {
        match state.stream.as_ref().and_then(|stream| stream.peer_end()) {
            Some(PeerEnd::Broken) => self.end(state, CloseReason::Client),
            Some(PeerEnd::HalfClosed) => self.presence.half_closed(),
            None => {}
        }
    }
}
