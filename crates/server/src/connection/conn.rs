//! The state that a connection's I/O task and the answering worker share: the protocol, the output,
//! and the socket.
//!
//! Both drive the same state machine. Each passes its events to the protocol under the lock, and
//! writes without it: the writer takes the output out, and `writing` keeps the other side from
//! writing in between. A worker therefore sends its response itself, at once, and the I/O task is
//! woken only for work that remains: a full socket, a pipelined request, or the end of the
//! connection.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::Waker;
use std::time::Instant;

use maitred_http_parser::Rejection;
use maitred_http_parser::connection::{Connection, Ending, Expired, Phase};
use maitred_http_parser::exchange::{Client, Peer};
use maitred_http_parser::forwarded::Forwarded;

use super::disconnect::ClientPresence;
use super::outbox::Outbox;
use super::shared::Shared;
use super::temp_files::DiskClaim;
use crate::system::mutex::{Condvar, Mutex};
use crate::telemetry::record::{Record, RequestOutcome};
use crate::telemetry::{CloseReason, ConnectionState, DisconnectStage};
use crate::transport::stream::{PeerEnd, Stream};

/// One connection.
pub(crate) struct ClientConnection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stream: Stream,
    pub(crate) peer: Arc<Peer>,
    /// Whether the peer is a trusted proxy.
    pub(crate) is_from_trusted: bool,
    /// The index of the listener that accepted it.
    pub(crate) listener: usize,
    state: Mutex<State>,
    /// Notified when output has been sent or the connection has closed, if a thread
    /// [waits](State::is_awaited).
    pub(crate) output_progressed: Condvar,
    pub(crate) presence: Arc<ClientPresence>,
    /// Whether to reset the connection, because the response must not look complete.
    resets: AtomicBool,
}

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) protocol: Connection,
    pub(crate) outbox: Outbox,
    /// A thread is writing, and will check for more output afterwards.
    pub(crate) writing: bool,
    /// Whether a thread waits for output to be sent. Notifying is a system call even if none waits.
    pub(crate) is_awaited: bool,
    /// Wakes the I/O task.
    waker: Option<Waker>,
    /// The record of the request that is being answered, or whose response is being sent.
    pub(crate) record: Option<Record>,
    /// Why the connection has ended.
    pub(crate) over: Option<CloseReason>,
    /// Why it will end, if it ends according to the protocol.
    pub(crate) ends_as: CloseReason,
    /// When the first byte of the current request arrived.
    pub(crate) request_began: Instant,
    /// The time of the last activity.
    pub(crate) last_active: Instant,
    /// Nothing has been received yet.
    pub(crate) is_new: bool,
    /// The client has closed its side.
    pub(crate) input_ended: bool,
    /// After the write side has been closed: the number of bytes discarded since.
    pub(crate) lingering: Option<u64>,
    /// The disk budget of the current request body.
    pub(crate) claim: Option<DiskClaim>,
    /// Bytes of the arriving body in memory.
    pub(crate) incoming_bytes: u64,
}

impl std::fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientConnection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl ClientConnection {
    pub(crate) fn new(
        shared: Arc<Shared>,
        stream: Stream,
        peer: Peer,
        listener: usize,
        now: Instant,
    ) -> Self {
        let protocol = Connection::new(Arc::clone(&shared.rules), now);
        let address = peer.address.map(|address| address.ip());
        let is_from_trusted = shared.trust.peers.contain(address);
        Self {
            shared,
            stream,
            peer: Arc::new(peer),
            is_from_trusted,
            listener,
            state: Mutex::new(State {
                protocol,
                outbox: Outbox::default(),
                writing: false,
                is_awaited: false,
                waker: None,
                record: None,
                over: None,
                ends_as: CloseReason::Finished,
                request_began: now,
                last_active: now,
                is_new: true,
                input_ended: false,
                lingering: None,
                claim: None,
                incoming_bytes: 0,
            }),
            output_progressed: Condvar::new(),
            presence: Arc::default(),
            resets: AtomicBool::new(false),
        }
    }

    /// Locks the state. After a panic while it was locked, the connection is only closed.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock_mending(|state| {
            state.over.get_or_insert(CloseReason::Error);
        })
    }

    /// A request has ended.
    pub(crate) fn report(&self, ended: Option<Record>, now: Instant) {
        if let Some(record) = ended {
            self.shared.telemetry.exchange_ended(record, now);
        }
    }

    /// The client has disconnected or was rejected: nothing more can be sent.
    pub(crate) fn leave(&self, state: &mut State, reason: CloseReason) {
        let is_unfinished = state.record.is_none() && state.protocol.phase() == Phase::Reading;
        if is_unfinished && state.over.is_none() {
            // A partial head also counts as a request, which ends here.
            let known = state.protocol.take_known_head().map(Arc::new);
            state.record = Some(Record::begin(known, self.client(), state.request_began));
        }
        state.over.get_or_insert(reason);
        state.protocol.end(Ending::Close);
        self.presence.is_lost();
        self.notify_waiting_worker(state);
        state.wake_io();
    }

    /// Notifies the waiting thread, if any, that output has been sent or the connection has closed.
    pub(crate) fn notify_waiting_worker(&self, state: &State) {
        if state.is_awaited {
            self.output_progressed.notify_all();
        }
    }

    /// Makes the connection end with a reset, because the response is incomplete.
    pub(crate) fn reset_on_close(&self) {
        self.resets.store(true, Ordering::Relaxed);
    }

    /// Shuts down the socket, even if other threads still hold the connection.
    pub(crate) fn close(&self) {
        if self.resets.load(Ordering::Relaxed) {
            self.stream.reset();
        } else {
            self.stream.close();
        }
    }

    /// Aborts the connection at the end of a drain.
    pub(crate) fn cut_off(&self) {
        let mut state = self.state();
        if state.has_more_to_say() {
            self.break_off(&mut state, CloseReason::Drain);
            return;
        }
        // A response may be complete although the application is still running; an arriving request
        // is not.
        let result =
            if state.protocol.is_whole() { RequestOutcome::Complete } else { RequestOutcome::Cut };
        self.leave(&mut state, CloseReason::Drain);
        if let Some(record) = &mut state.record {
            record.result.get_or_insert(result);
        }
    }

    /// Ends the connection in the middle of a response, because of the server or the application.
    pub(crate) fn break_off(&self, state: &mut State, reason: CloseReason) {
        self.reset_on_close();
        self.leave(state, reason);
        if let Some(record) = &mut state.record
            && matches!(record.result, None | Some(RequestOutcome::Complete))
        {
            record.result = Some(RequestOutcome::Cut);
        }
    }

    /// During a drain: makes the current response the last one, and closes the connection if it is
    /// idle. A connection on which nothing has been received yet stays, unless `newcomers_late`.
    pub(crate) fn leave_if_idle(&self, newcomers_late: bool) {
        let mut state = self.state();
        state.protocol.handle_drain_announced();
        let may_stay = state.is_new && !newcomers_late;
        // The reactor may not have reported input that the kernel already has.
        if state.is_idle() && !may_stay && !self.stream.has_bytes() {
            self.leave(&mut state, CloseReason::Drain);
        }
    }

    /// The client, as far as it is known before the head has been read.
    pub(crate) fn client(&self) -> Client {
        Client {
            peer: Arc::clone(&self.peer),
            forwarded: Forwarded::default(),
            listener: self.listener,
        }
    }

    /// The protocol has rejected the request, which ends here.
    pub(crate) fn refused(
        &self,
        state: &mut State,
        rejection: Rejection,
        result: RequestOutcome,
        now: Instant,
    ) {
        state.ends_as = CloseReason::Protocol;
        let has_head = state.record.as_ref().is_some_and(|record| record.result.is_none());
        if !has_head {
            let known = state.protocol.take_known_head().map(Arc::new);
            let record = Record::begin(known, self.client(), state.request_began);
            self.report(state.record.replace(record), now);
        }
        let head = state.record.as_ref().and_then(|record| record.head.as_deref());
        self.shared.telemetry.rejected(&self.peer, head, rejection, &rejection);
        state.tell_refusal(rejection.status());
        if let Some(record) = &mut state.record {
            record.result = Some(result);
        }
    }

    /// Checks the deadlines of this connection. Called once a second.
    pub(crate) fn sweep(&self) {
        let now = self.shared.clock.now();
        let mut state = self.state();
        if !state.protocol.wants_read() {
            self.look_for_the_end(&mut state, now.instant);
        }
        let State { protocol, outbox, .. } = &mut *state;
        let Some(late) = outbox.append(|out| protocol.handle_time(out, &now)) else { return };
        match late {
            Expired::Write => {
                self.reset_on_close();
                self.leave(&mut state, CloseReason::WriteTimeout);
            }
            Expired::Linger => {
                let reason = state.ends_as;
                self.leave(&mut state, reason);
            }
            Expired::KeepAlive => self.leave(&mut state, CloseReason::KeepAliveTimeout),
            Expired::Head => {
                self.refused(
                    &mut state,
                    Rejection::HeadTimeout,
                    RequestOutcome::Complete,
                    now.instant,
                );
            }
            Expired::Body => {
                self.refused(
                    &mut state,
                    Rejection::BodyTimeout,
                    RequestOutcome::Complete,
                    now.instant,
                );
            }
        }
        state.wake_io();
    }

    /// Checks whether a client at its pipelining limit has disconnected: its socket is not read, so
    /// the end of the stream would not be noticed.
    fn look_for_the_end(&self, state: &mut State, now: Instant) {
        match self.stream.peer_end() {
            Some(PeerEnd::Broken) => self.leave(state, CloseReason::Client),
            Some(PeerEnd::HalfClosed) => self.presence.half_closed(now),
            None => {}
        }
    }
}

impl State {
    /// Wakes the I/O task.
    pub(crate) fn wake_io(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The I/O task is about to wait.
    pub(crate) fn set_waker(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// Whether another thread is writing.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing
    }

    /// Records that the server itself answers the request.
    pub(crate) fn tell_refusal(&mut self, status: u16) {
        if let Some(record) = &mut self.record {
            record.status = Some(status);
            record.response_body_bytes = self.protocol.error_body_bytes();
        }
    }

    /// Whether there is work for the I/O task.
    pub(crate) fn needs_io(&self) -> bool {
        self.over.is_some()
            || !self.outbox.is_empty()
            || self.protocol.ending().is_some()
            || self.protocol.has_pipelined()
    }

    /// Whether the client has not received a whole response that it requested.
    fn has_more_to_say(&self) -> bool {
        let is_answering = self.protocol.phase() == Phase::Answering && !self.protocol.is_whole();
        is_answering || self.writing || !self.outbox.is_empty()
    }

    /// The record of a finished response that has been sent.
    pub(crate) fn take_answered(&mut self) -> Option<Record> {
        let is_cut_short = self.over.is_some() && !self.outbox.is_empty();
        let mut record = self.record.take_if(|record| record.result.is_some())?;
        self.claim = None;
        if is_cut_short && record.result == Some(RequestOutcome::Complete) {
            record.result = Some(RequestOutcome::Abandoned(DisconnectStage::Writing));
        }
        Some(record)
    }

    /// Whether the connection is idle, with no output left.
    pub(crate) fn is_idle(&self) -> bool {
        self.doing() == ConnectionState::Idle && !self.writing && self.over.is_none()
    }

    /// The state for metrics.
    pub(crate) fn doing(&self) -> ConnectionState {
        match self.record.as_ref().map(Record::stage) {
            Some(DisconnectStage::Reading) => ConnectionState::Reading,
            Some(DisconnectStage::Queued) => ConnectionState::Queued,
            Some(DisconnectStage::Served) => ConnectionState::RunningRequest,
            Some(DisconnectStage::Writing) => ConnectionState::Writing,
            None => match self.protocol.phase() {
                Phase::Reading => ConnectionState::Reading,
                Phase::Idle if self.outbox.is_empty() => ConnectionState::Idle,
                Phase::Idle | Phase::Answering | Phase::Ending => ConnectionState::Writing,
            },
        }
    }

    /// Bytes of the request body that are in memory.
    pub(crate) fn body_bytes_in_memory(&self) -> u64 {
        match &self.record {
            Some(record) if record.queued_at.is_some() && self.claim.is_none() => {
                record.request_body_bytes
            }
            _ => self.incoming_bytes,
        }
    }
}
