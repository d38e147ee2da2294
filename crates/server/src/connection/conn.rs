//! The state that a connection's I/O task and the answering worker share: the protocol, the output,
//! the request, the end, and the socket.
//!
//! Both drive the same state machine. Each passes its events to the protocol under the lock, and
//! writes without it: the writer borrows the output and the socket, and `writing` keeps the other side
//! from writing in between. A worker therefore sends its response itself, at once, and the I/O task is
//! woken only for work that remains: a full socket, a pipelined request, or the end of the
//! connection.

use std::sync::{Arc, MutexGuard};
use std::task::Waker;
use std::time::Instant;

use maitred_http_parser::Rejection;
use maitred_http_parser::connection::{self, Connection, Phase};
use maitred_http_parser::encode::ErrorResponse;
use maitred_http_parser::exchange::{Client, Peer};
use maitred_http_parser::forwarded::Forwarded;

use super::budget::HeldMemory;
use super::deadlines::ClientProgress;
use super::disconnect::ClientPresence;
use super::ending::{Close, Ending};
use super::outbox::Outbox;
use super::policy::Policy;
use super::request_progress::RequestProgress;
use super::shared::Shared;
use super::travel::Travel;
use crate::system::mutex::{Condvar, Mutex};
use crate::telemetry::record::{Record, RequestOutcome};
use crate::telemetry::snapshot::Connections;
use crate::telemetry::{CloseReason, ConnectionState, RejectReason};
use crate::transport::stream::Stream;

/// One connection.
pub(crate) struct ClientConnection {
    pub(super) shared: Arc<Shared>,
    pub(super) policy: Arc<Policy>,
    pub(super) peer: Arc<Peer>,
    /// Whether the peer is a trusted proxy.
    pub(super) is_from_trusted: bool,
    /// The index of the listener that accepted it.
    pub(super) listener: usize,
    state: Mutex<State>,
    /// Notified when output has been sent or the connection has closed, if a thread
    /// [waits](State::waiting_threads).
    pub(super) output_progressed: Condvar,
    pub(super) presence: Arc<ClientPresence>,
}

/// The state behind the lock.
#[derive(Debug)]
pub(super) struct State {
    /// The socket, lent to whoever uses it without the lock; `None` if another process has it.
    pub(super) stream: Option<Arc<Stream>>,
    pub(super) protocol: Connection,
    pub(super) request: RequestProgress,
    pub(super) ending: Ending,
    pub(super) outbox: Outbox,
    pub(super) held: HeldMemory,
    /// A thread is writing, and will check for more output afterwards.
    pub(super) writing: bool,
    /// It does not write to the socket, but moves output to the disk: the client does not read.
    pub(super) spilling: bool,
    /// How many threads wait for output to be sent: that of a response which has been given, and that of
    /// the next one. Notifying is a system call even if none waits.
    pub(super) waiting_threads: usize,
    /// Whether requests wait for the thread that waits.
    pub(super) is_wanted: bool,
    /// Wakes the I/O task.
    waker: Option<Waker>,
    /// The time of the last activity.
    pub(super) last_active: Instant,
    pub(super) travel: Travel,
    pub(super) progress: ClientProgress,
}

/// Whether a draining server still waits for the first request of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Newcomers {
    /// They may have been accepted a moment ago.
    MayStay,
    /// They have had their time.
    MustLeave,
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
        let policy = Arc::clone(&shared.policy);
        let protocol = Connection::new(Arc::clone(&policy.rules), now);
        let address = peer.address.map(|address| address.ip());
        let is_from_trusted = policy.trust.peers.contain(address);
        let held = HeldMemory::new(Arc::clone(&shared.temp_files.budget));
        Self {
            shared,
            policy,
            peer: Arc::new(peer),
            is_from_trusted,
            listener,
            state: Mutex::new(State {
                stream: Some(Arc::new(stream)),
                protocol,
                request: RequestProgress::new(now),
                ending: Ending::default(),
                outbox: Outbox::default(),
                held,
                writing: false,
                spilling: false,
                waiting_threads: 0,
                is_wanted: false,
                waker: None,
                last_active: now,
                travel: Travel::default(),
                progress: ClientProgress::default(),
            }),
            output_progressed: Condvar::new(),
            presence: Arc::default(),
        }
    }

    /// Locks the state. After a panic while it was locked, the connection is only closed.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock_mending(|state| state.ending.end(CloseReason::Error, Close::Shutdown))
    }

    /// The client, as far as it is known before the head has been read.
    pub(super) fn client(&self) -> Client {
        Client {
            peer: Arc::clone(&self.peer),
            forwarded: Forwarded::default(),
            listener: self.listener,
        }
    }

    /// A request has ended.
    pub(super) fn report(&self, ended: Option<Record>, now: Instant) {
        if let Some(record) = ended {
            self.shared.telemetry.exchange_ended(record, now);
        }
    }

    /// The connection is over for this reason: nothing more can be sent.
    pub(super) fn end(&self, state: &mut State, why: CloseReason) {
        self.end_with(state, why, Close::after(state.protocol.ending()));
    }

    /// Ends the connection in the middle of a response, because of the server or the application. It
    /// is reset only if the client could take the response for complete: a reset destroys what has
    /// arrived and not been read.
    pub(super) fn break_off(&self, state: &mut State, why: CloseReason) {
        let looks_complete = state.protocol.is_delimited_by_close();
        self.end_with(state, why, if looks_complete { Close::Reset } else { Close::Shutdown });
        state.request.cut();
    }

    fn end_with(&self, state: &mut State, why: CloseReason, close: Close) {
        let State { protocol, request, ending, .. } = state;
        // A partial head also counts as a request, which ends here.
        if protocol.phase() == Phase::Reading && !ending.is_over() {
            request.head_abandoned(|| (protocol.take_known_head(), self.client()));
        }
        ending.end(why, close);
        protocol.end(connection::Ending::Close);
        self.presence.is_lost();
        self.notify_waiting_worker(state);
        state.wake_io();
    }

    /// The I/O task has ended: nobody reads the connection any more, and its socket is closed, even if
    /// a running application keeps this object alive.
    pub(super) fn conclude(&self, why: CloseReason) {
        let (ended, unsent) = {
            let mut state = self.state();
            self.end(&mut state, why);
            state.request.abandoned();
            // A thread that is writing will notice the end. A running worker notices it when it
            // answers, and then ends the record itself.
            let ended = if state.writing { None } else { state.take_answered() };
            let unsent = state.outbox.take();
            state.settle_output();
            (ended, unsent)
        };
        drop(unsent);
        self.close();
        self.report(ended, self.shared.clock.instant());
    }

    /// Closes the socket, even if other threads still hold it.
    pub(super) fn close(&self) {
        let (stream, close) = {
            let state = self.state();
            (state.stream.clone(), state.ending.close())
        };
        let Some(stream) = stream else { return };
        match close {
            Close::Shutdown => stream.close(),
            Close::Reset => stream.reset(),
        }
    }

    /// Notifies the waiting thread, if any, that output has been sent or the connection has closed.
    pub(super) fn notify_waiting_worker(&self, state: &State) {
        if state.waiting_threads > 0 {
            self.output_progressed.notify_all();
        }
    }

    /// The protocol has rejected the request, which ends here; `outcome` says whether the client can
    /// have the answer.
    pub(super) fn rejected(
        &self,
        state: &mut State,
        rejection: Rejection,
        outcome: RequestOutcome,
        now: Instant,
    ) {
        let State { protocol, request, ending, .. } = state;
        ending.expect(CloseReason::Protocol);
        let error_body_bytes = protocol.error_body_bytes();
        let known = || (protocol.take_known_head(), self.client());
        let previous = request.rejected(rejection.status(), error_body_bytes, outcome, known);
        self.report(previous, now);
        self.shared.telemetry.rejected(&self.peer, request.head(), rejection, &rejection);
    }

    /// The server drains: responses say that they are the last.
    pub(crate) fn announce_drain(&self) {
        self.state().protocol.handle_drain_announced();
    }

    /// During a drain: makes the current response the last one, and closes the connection if it is
    /// idle. One on which nothing has arrived yet may stay.
    pub(crate) fn leave_if_idle(&self, newcomers: Newcomers) {
        let idle = {
            let mut state = self.state();
            state.protocol.handle_drain_announced();
            let may_stay = state.request.is_awaited() && newcomers == Newcomers::MayStay;
            if state.is_idle() && !may_stay { state.stream.clone() } else { None }
        };
        // The reactor may not have reported input that the kernel already has.
        if let Some(stream) = idle
            && !stream.has_bytes()
        {
            let mut state = self.state();
            if state.is_idle() {
                self.end(&mut state, CloseReason::Drain);
            }
        }
    }

    /// Answers a request whose body is still arriving, because this process will not take it.
    pub(crate) fn reject_arriving(&self, why: RejectReason) {
        let now = self.shared.clock.now();
        {
            // One lock for the question and the answer, or it might be queued in between.
            let mut state = self.state();
            if state.request.connection_state() != Some(ConnectionState::Reading) {
                return;
            }
            self.shared.telemetry.overload_rejected(why);
            state.refuse(&ErrorResponse::Busy { retry_after_seconds: 1 }, &now);
        }
        self.flush(now.instant);
    }

    /// Whether output waits for the client.
    pub(crate) fn has_unsent_output(&self) -> bool {
        let state = self.state();
        !state.ending.is_over() && (state.writing || !state.outbox.is_empty())
    }

    /// Aborts the connection at the end of a drain.
    pub(crate) fn cut_off(&self) {
        let mut state = self.state();
        if state.has_more_to_send() {
            self.break_off(&mut state, CloseReason::Drain);
            return;
        }
        // A response may be complete although the application is still running; an arriving request
        // is not.
        let is_whole = state.protocol.is_whole();
        let outcome = if is_whole { RequestOutcome::Complete } else { RequestOutcome::Cut };
        self.end(&mut state, CloseReason::Drain);
        state.request.ended_by_server(outcome);
    }

    /// Adds the connection to what all of them are doing.
    pub(crate) fn add_to(&self, sum: &mut Connections) {
        let state = self.state();
        sum.count(state.doing());
        sum.bytes_in += state.input_bytes();
        sum.bytes_out += state.output_bytes();
    }
}

impl State {
    /// Wakes the I/O task.
    pub(super) fn wake_io(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// The I/O task is about to wait.
    pub(super) fn set_waker(&mut self, waker: &Waker) {
        if !self.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// Whether the I/O task has been woken, and has not looked yet.
    pub(super) fn is_io_awake(&self) -> bool {
        self.waker.is_none()
    }

    /// Whether there is work for the I/O task.
    pub(super) fn needs_io(&self) -> bool {
        self.ending.is_over()
            || !self.outbox.is_empty()
            || self.protocol.ending().is_some()
            || self.protocol.has_pipelined()
    }

    /// Whether the client has not received a whole response that it requested.
    fn has_more_to_send(&self) -> bool {
        let is_answering = self.protocol.phase() == Phase::Answering && !self.protocol.is_whole();
        is_answering || self.writing || !self.outbox.is_empty()
    }

    /// The record of the request, if it was answered and nothing more of its response will be sent.
    pub(super) fn take_answered(&mut self) -> Option<Record> {
        if self.ending.is_over() && !self.outbox.is_empty() {
            self.request.unsent();
        }
        if self.held.input() > 0 {
            let ended = self.request.sent();
            self.settle_input();
            return ended;
        }
        self.request.sent()
    }

    /// Whether the connection is idle, with no output left.
    fn is_idle(&self) -> bool {
        self.doing() == ConnectionState::Idle && !self.writing && !self.ending.is_over()
    }

    /// The state for metrics.
    fn doing(&self) -> ConnectionState {
        self.request.connection_state().unwrap_or_else(|| match self.protocol.phase() {
            Phase::Reading => ConnectionState::Reading,
            Phase::Idle if self.outbox.is_empty() => ConnectionState::Idle,
            Phase::Idle | Phase::Answering | Phase::Ending => ConnectionState::Writing,
        })
    }
}
