//! How far the request of a connection has come: arriving, queued, served, answered.
//!
//! Every step is a verb here, and steps that come too late change nothing: a worker whose request was
//! answered 504 meanwhile, or whose client has left, cannot bring it back. A request that has ended
//! yields one [`Record`], made once: when its last byte has left, when its connection is over, or when
//! the next request takes its place.

use std::sync::Arc;
use std::time::Instant;

use maitred_http_parser::RequestHead;
use maitred_http_parser::connection::{Outcome, Phase};
use maitred_http_parser::exchange::Client;

use super::temp_files::FileClaim;
use crate::telemetry::record::{LoggedValues, Record, RequestOutcome};
use crate::telemetry::{ConnectionState, DisconnectStage};

/// The request of a connection, if anything of one is known.
#[derive(Debug)]
pub(crate) struct RequestProgress {
    request: Option<CurrentRequest>,
    /// When the first byte of the current request arrived, or of the next one.
    began: Instant,
    /// Whether the client has ever sent anything.
    has_begun: bool,
    /// Bytes of the arriving body in memory.
    arriving_bytes: u64,
}

/// What is known of it.
#[derive(Debug)]
pub(super) struct CurrentRequest {
    /// The whole head, or what is known of one that was rejected or is incomplete.
    head: Option<Arc<RequestHead>>,
    client: Client,
    request_id: Option<Arc<str>>,
    received_at: Instant,
    request_body_bytes: u64,
    response_body_bytes: u64,
    /// The status of the head that was given.
    status: Option<u16>,
    /// What else the access log shows.
    logged: Option<Box<LoggedValues>>,
    /// The claim of the file that its body is in.
    file: Option<FileClaim>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Its head or its body is arriving.
    Arriving,
    /// It waits for a worker thread.
    Queued { at: Instant },
    /// The application is running.
    Served { queued_at: Instant, taken: Taken },
    /// Its outcome is known; its last bytes may still have to be sent.
    Answered {
        queued_at: Option<Instant>,
        taken: Option<Taken>,
        /// When the application's response was complete.
        answered_at: Option<Instant>,
        outcome: RequestOutcome,
    },
}

/// When a worker thread took it, and which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    at: Instant,
    thread: usize,
}

/// A request that has arrived completely.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) head: Arc<RequestHead>,
    pub(super) client: Client,
    pub(super) request_id: Option<Arc<str>>,
    pub(super) body_bytes: u64,
    pub(super) file: Option<FileClaim>,
}

impl RequestProgress {
    /// Nothing has arrived on the connection.
    pub(super) fn new(now: Instant) -> Self {
        Self { request: None, began: now, has_begun: false, arriving_bytes: 0 }
    }

    /// Input has arrived; between two requests, it begins one.
    pub(super) fn input_arrived(&mut self, phase: Phase, now: Instant) {
        self.has_begun = true;
        if phase == Phase::Idle {
            self.began = now;
        }
    }

    /// The arriving body holds so many bytes of memory. Returns whether that has changed.
    pub(super) fn body_arriving(&mut self, bytes: u64) -> bool {
        std::mem::replace(&mut self.arriving_bytes, bytes) != bytes
    }

    /// The head of a request with a body has arrived. Returns the record of the one before, if its
    /// last bytes were still being sent.
    pub(super) fn head_arrived(
        &mut self,
        head: Arc<RequestHead>,
        client: Client,
    ) -> Option<Record> {
        let previous = self.sent();
        self.request = Some(CurrentRequest::new(Some(head), client, self.began));
        previous
    }

    /// The request is complete, and waits for a worker thread. Returns the record of the one before,
    /// as above.
    pub(super) fn queued(&mut self, complete: Complete, now: Instant) -> Option<Record> {
        let Complete { head, client, request_id, body_bytes, file } = complete;
        let previous = self.sent();
        // One that was arriving is this one.
        self.request = Some(CurrentRequest {
            request_id,
            request_body_bytes: body_bytes,
            file,
            stage: Stage::Queued { at: now },
            ..CurrentRequest::new(Some(head), client, self.began)
        });
        self.began = now; // of the next one, where it has come with this
        previous
    }

    /// A worker thread has taken it.
    pub(super) fn taken(&mut self, thread: usize, now: Instant) {
        if let Some(request) = &mut self.request
            && let Stage::Queued { at } = request.stage
        {
            request.stage = Stage::Served { queued_at: at, taken: Taken { at: now, thread } };
        }
    }

    /// The response has a head with this status.
    pub(super) fn head_given(&mut self, status: u16) {
        if let Some(request) = &mut self.request {
            request.status = Some(status);
        }
    }

    /// What else the access log shows of the request.
    pub(super) fn logged(&mut self) -> Option<&mut LoggedValues> {
        Some(self.request.as_mut()?.logged.get_or_insert_default())
    }

    /// So many more bytes of the response's body will be sent.
    pub(super) fn body_given(&mut self, bytes: u64) {
        if let Some(request) = &mut self.request {
            request.response_body_bytes += bytes;
        }
    }

    /// The application's response has ended.
    pub(super) fn answered(&mut self, outcome: Outcome, error_body_bytes: u64, now: Instant) {
        self.end_with(outcome, error_body_bytes, Some(now));
    }

    /// The server has answered instead of the application.
    pub(super) fn refused(&mut self, outcome: Outcome, error_body_bytes: u64) {
        self.end_with(outcome, error_body_bytes, None);
    }

    /// What arrived is no request, or late, and was answered with this status; `known` is what is
    /// known of it. Returns the record of the one before, as above.
    pub(super) fn rejected(
        &mut self,
        status: u16,
        error_body_bytes: u64,
        outcome: RequestOutcome,
        known: impl FnOnce() -> (Option<RequestHead>, Client),
    ) -> Option<Record> {
        let previous = self.sent();
        self.head_abandoned(known);
        if let Some(request) = &mut self.request {
            request.status = Some(status);
            request.response_body_bytes = error_body_bytes;
            request.end(outcome, None);
        }
        previous
    }

    /// The connection ends in the middle of a head, of which `known` is known: also a request.
    pub(super) fn head_abandoned(&mut self, known: impl FnOnce() -> (Option<RequestHead>, Client)) {
        if self.request.is_none() {
            let (head, client) = known();
            self.request = Some(CurrentRequest::new(head.map(Arc::new), client, self.began));
        }
    }

    /// The client has left. A request that is served ends when the application has answered.
    pub(super) fn abandoned(&mut self) {
        if let Some(request) = &mut self.request
            && matches!(request.stage, Stage::Arriving | Stage::Queued { .. })
        {
            request.end(RequestOutcome::Abandoned(request.disconnect_stage()), None);
        }
    }

    /// The server ends the connection. `outcome` is that of a request that has not been answered.
    pub(super) fn ended_by_server(&mut self, outcome: RequestOutcome) {
        if let Some(request) = &mut self.request {
            request.end(outcome, None);
        }
    }

    /// The server breaks the response off, which may be answered and not sent.
    pub(super) fn cut(&mut self) {
        if let Some(request) = &mut self.request {
            request.end(RequestOutcome::Cut, None);
            request.spoil(RequestOutcome::Cut);
        }
    }

    /// The client has left before it could get all of the response.
    pub(super) fn unsent(&mut self) {
        if let Some(request) = &mut self.request {
            request.spoil(RequestOutcome::Abandoned(DisconnectStage::Writing));
        }
    }

    /// Nothing more of the response will be sent. Returns the record, if the request was answered.
    pub(super) fn sent(&mut self) -> Option<Record> {
        self.request.take_if(|request| request.is_answered())?.into_record()
    }

    /// Whether thread `thread` took the request at `taken_at`, and it has not been answered.
    pub(super) fn is_served_by(&self, thread: usize, taken_at: Instant) -> bool {
        let expected = Taken { at: taken_at, thread };
        self.request.as_ref().is_some_and(
            |request| matches!(request.stage, Stage::Served { taken, .. } if taken == expected),
        )
    }

    /// The head of the request, and when its first byte arrived.
    pub(super) fn received(&self) -> Option<(&RequestHead, Instant)> {
        let request = self.request.as_ref()?;
        Some((request.head()?, request.received_at))
    }

    /// What is known of the head.
    pub(super) fn head(&self) -> Option<&RequestHead> {
        self.request.as_ref()?.head()
    }

    /// Whether nothing has ever arrived on the connection.
    pub(super) fn is_awaited(&self) -> bool {
        !self.has_begun
    }

    /// The state of the connection for metrics, as far as a known request decides it.
    pub(super) fn connection_state(&self) -> Option<ConnectionState> {
        Some(match self.request.as_ref()?.disconnect_stage() {
            DisconnectStage::Reading => ConnectionState::Reading,
            DisconnectStage::Queued => ConnectionState::Queued,
            DisconnectStage::Served => ConnectionState::Serving,
            DisconnectStage::Writing => ConnectionState::Writing,
        })
    }

    /// The memory of its head and its body.
    pub(super) fn held_bytes(&self) -> u64 {
        let Some(known) = &self.request else { return self.arriving_bytes };
        let is_in_memory = known.times().0.is_some() && known.file.is_none();
        let body = if is_in_memory { known.request_body_bytes } else { self.arriving_bytes };
        body + known.head().map_or(0, |head| head.held_bytes() as u64)
    }

    fn end_with(&mut self, outcome: Outcome, error_body_bytes: u64, answered_at: Option<Instant>) {
        let Some(request) = &mut self.request else { return };
        if request.is_answered() {
            return; // too late
        }
        if let Outcome::Refused { status } = outcome {
            request.status = Some(status);
            request.response_body_bytes = error_body_bytes;
        }
        let outcome = match outcome {
            // Where more was given than declared, all that was declared is there.
            Outcome::Complete | Outcome::Long { .. } | Outcome::Refused { .. } => {
                RequestOutcome::Complete
            }
            Outcome::Short { .. } | Outcome::Cut => RequestOutcome::Cut,
            Outcome::Gone => RequestOutcome::Abandoned(request.disconnect_stage()),
        };
        request.end(outcome, answered_at);
    }
}

impl CurrentRequest {
    fn new(head: Option<Arc<RequestHead>>, client: Client, received_at: Instant) -> Self {
        Self {
            head,
            client,
            request_id: None,
            received_at,
            request_body_bytes: 0,
            response_body_bytes: 0,
            status: None,
            logged: None,
            file: None,
            stage: Stage::Arriving,
        }
    }

    /// The head, or what is known of it.
    pub(super) fn head(&self) -> Option<&RequestHead> {
        self.head.as_deref()
    }

    fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Answered { .. })
    }

    /// When it was complete and queued, and when it was taken.
    fn times(&self) -> (Option<Instant>, Option<Taken>) {
        match self.stage {
            Stage::Arriving => (None, None),
            Stage::Queued { at } => (Some(at), None),
            Stage::Served { queued_at, taken } => (Some(queued_at), Some(taken)),
            Stage::Answered { queued_at, taken, .. } => (queued_at, taken),
        }
    }

    /// What it is interrupted in if its client leaves now.
    fn disconnect_stage(&self) -> DisconnectStage {
        match self.stage {
            Stage::Arriving => DisconnectStage::Reading,
            Stage::Queued { .. } => DisconnectStage::Queued,
            Stage::Served { .. } => DisconnectStage::Served,
            Stage::Answered { .. } => DisconnectStage::Writing,
        }
    }

    /// Its outcome is known now. The first one stands.
    fn end(&mut self, outcome: RequestOutcome, answered_at: Option<Instant>) {
        if self.is_answered() {
            return;
        }
        let (queued_at, taken) = self.times();
        self.stage = Stage::Answered { queued_at, taken, answered_at, outcome };
    }

    /// A complete response turns out not to arrive.
    fn spoil(&mut self, instead: RequestOutcome) {
        if let Stage::Answered { outcome: outcome @ RequestOutcome::Complete, .. } = &mut self.stage
        {
            *outcome = instead;
        }
    }

    /// The record; `None` before the outcome is known.
    fn into_record(self) -> Option<Record> {
        let Stage::Answered { queued_at, taken, answered_at, outcome } = self.stage else {
            return None;
        };
        Some(Record {
            head: self.head,
            client: self.client,
            request_id: self.request_id,
            received_at: self.received_at,
            queued_at,
            taken_at: taken.map(|taken| taken.at),
            answered_at,
            thread: taken.map(|taken| taken.thread),
            request_body_bytes: self.request_body_bytes,
            response_body_bytes: self.response_body_bytes,
            status: self.status,
            logged: self.logged,
            outcome,
        })
    }
}
