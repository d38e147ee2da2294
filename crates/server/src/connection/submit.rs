//! Turns an incoming request, as the protocol parses it, into an exchange that waits for a worker.
//!
//! A request without a body, as most are, passes straight through; otherwise a buffer collects the
//! body, and the request waits until it is complete.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::connection::{Moment, Phase, Received};
use maitred_http_parser::encode::ErrorResponse;
use maitred_http_parser::exchange::{Body, Client, Exchange};
use maitred_http_parser::forwarded::{self, Forwarded, ForwardedError};
use maitred_http_parser::message::{BodyFraming, RequestHead};

use super::conn::{ClientConnection, State};
use super::request_body::BodyBuffer;
use super::request_progress::Complete;
use super::respond::ResponseWriter;
use super::shared::Answers;
use super::temp_files::FileClaim;
use crate::scheduling::queue::Refused;
use crate::scheduling::requester::{Origin, QueuedRequest, Requester as _};
use crate::telemetry::record::RequestOutcome;
use crate::telemetry::{CloseReason, RejectReason};

/// An arriving request with a body.
pub(crate) struct IncomingRequest {
    head: Arc<RequestHead>,
    pub(super) body: BodyBuffer,
    /// All of it has arrived, but has not been written to disk.
    is_complete: bool,
}

/// The request of a connection whose body is arriving, if there is one.
pub(crate) type Arriving = Option<Box<IncomingRequest>>;

impl IncomingRequest {
    pub(super) fn bytes_in_memory(&self) -> u64 {
        self.body.memory.capacity() as u64
    }

    /// How many bytes may arrive before any must be written to disk; `None` if that is due first.
    pub(super) fn room(&self) -> Option<NonZeroUsize> {
        if self.is_complete { None } else { self.body.room() }
    }
}

/// What came of input, all of which is used up or buffered.
enum Fed {
    /// No request, or one whose body must be written to disk first.
    Nothing,
    /// A request is complete.
    Request(Submission),
    /// The body of a complete request cannot be stored.
    NoStorage(io::Error),
}

/// A complete request, to be queued.
struct Submission {
    head: Arc<RequestHead>,
    client: Client,
    body: Body,
    request_id: Option<Arc<str>>,
    /// The fault of its forwarding fields.
    fault: Option<ForwardedError>,
}

/// Passes `input` to the protocol, after what it has buffered, up to the end of one request. What comes
/// behind it is buffered until it has been answered: nothing else bounds the responses to a client that
/// does not read them.
pub(super) fn feed(conn: &Arc<ClientConnection>, incoming: &mut Arriving, input: &[u8]) {
    feed_at(conn, incoming, input, &conn.shared.clock.now());
}

/// The same for input that arrived at `now`.
pub(super) fn feed_at(
    conn: &Arc<ClientConnection>,
    incoming: &mut Arriving,
    input: &[u8],
    now: &Moment,
) {
    let fed = take_request(conn, &mut conn.state(), incoming, input, now);
    carry_on(conn, fed, now.instant);
}

/// Does what follows from input, without the lock.
#[inline(always)] // so that the request, which is large, is not copied once more
fn carry_on(conn: &Arc<ClientConnection>, fed: Fed, now: Instant) {
    match fed {
        Fed::Nothing => {}
        Fed::Request(request) => submit(conn, request, now),
        Fed::NoStorage(error) => no_storage(conn, &error),
    }
}

/// Reads up to the end of a request, and keeps the rest.
fn take_request(
    conn: &ClientConnection,
    state: &mut State,
    incoming: &mut Arriving,
    mut input: &[u8],
    now: &Moment,
) -> Fed {
    state.last_active = now.instant;
    state.request.input_arrived(state.protocol.phase(), now.instant);
    let mut bodiless = None;
    loop {
        let count = input.len() as u64;
        let State { protocol, outbox, .. } = state;
        match outbox.append(|out| protocol.receive(&mut input, out, now)) {
            Received::Wait | Received::Buffered => {
                state.settle_input();
                if state.has_no_room_for_head() {
                    *incoming = None;
                    conn.reject_head(state, now);
                }
                return Fed::Nothing;
            }
            Received::Ignored => {
                conn.input_ignored(state, count);
                return Fed::Nothing;
            }
            Received::Head(head) => match head.framing() {
                BodyFraming::None | BodyFraming::Length(0) => bodiless = Some(head),
                framing => {
                    let memory_max = conn.policy.body_memory_max;
                    let body = BodyBuffer::begin(&conn.shared.temp_files, framing, memory_max);
                    let previous = state.request.head_arrived(Arc::clone(&head), conn.client());
                    conn.report(previous, now.instant);
                    *incoming = Some(Box::new(IncomingRequest { head, body, is_complete: false }));
                }
            },
            Received::Body(piece) => {
                if let Some(request) = incoming {
                    request.body.push(piece);
                }
            }
            Received::End => {
                let fed = match bodiless {
                    Some(head) => complete(conn, state, head, Body::Empty, None, now.instant),
                    None => body_ended(conn, state, incoming, now.instant),
                };
                state.keep_behind(input, now);
                return fed;
            }
            Received::Rejected(rejection) => {
                *incoming = None;
                conn.rejected(state, rejection, RequestOutcome::Complete, now.instant);
                return Fed::Nothing;
            }
        }
    }
}

impl State {
    /// Keeps input that has come behind a complete request, whose response is due.
    fn keep_behind(&mut self, mut input: &[u8], now: &Moment) {
        if input.is_empty() {
            return;
        }
        let Self { protocol, outbox, .. } = self;
        let received = outbox.append(|out| protocol.receive(&mut input, out, now));
        debug_assert!(matches!(received, Received::Buffered), "{received:?}");
        self.settle_input();
    }
}

/// The client has sent all of a body.
fn body_ended(
    conn: &ClientConnection,
    state: &mut State,
    incoming: &mut Arriving,
    now: Instant,
) -> Fed {
    let Some(request) = incoming.take() else { return Fed::Nothing };
    if !request.body.is_unfinished_file() {
        return body_arrived(conn, state, *request, now);
    }
    *incoming = Some(Box::new(IncomingRequest { is_complete: true, ..*request }));
    Fed::Nothing
}

/// The whole body has arrived.
fn body_arrived(
    conn: &ClientConnection,
    state: &mut State,
    request: IncomingRequest,
    now: Instant,
) -> Fed {
    match request.body.finish() {
        Ok((body, file)) => complete(conn, state, request.head, body, file, now),
        Err(error) => Fed::NoStorage(error),
    }
}

/// The whole request has arrived: from here on it is queued.
fn complete(
    conn: &ClientConnection,
    state: &mut State,
    head: Arc<RequestHead>,
    body: Body,
    file: Option<FileClaim>,
    now: Instant,
) -> Fed {
    let (forwarded, fault) = match forwarded::resolve(&conn.policy.trust, &head, &conn.peer) {
        Ok(forwarded) => (forwarded, None),
        Err(fault) => (Forwarded::default(), Some(fault)),
    };
    let client = Client { forwarded, ..conn.client() };
    let of_proxy = |name| if conn.is_from_trusted { head.field(name) } else { None };
    let request_id = conn.shared.request_ids.of(conn.policy.request_id, of_proxy("x-request-id"));
    let complete = Complete {
        head: Arc::clone(&head),
        client: client.clone(),
        request_id: request_id.clone(),
        body_bytes: body.len(),
        file,
    };
    let arrived = head.held_bytes() as u64 + body.len();
    let previous = state.request.queued(complete, now);
    state.settle_arrived(arrived);
    conn.report(previous, now);
    Fed::Request(Submission { head, client, body, request_id, fault })
}

/// Queues a complete request, or moves it. All input has been kept: what follows the request must move
/// with it.
fn submit(conn: &Arc<ClientConnection>, submission: Submission, now: Instant) {
    let Submission { head, client, body, request_id, fault } = submission;
    if let Some(fault) = fault {
        conn.shared.telemetry.rejected(&conn.peer, Some(&head), fault.rejection(), &fault);
        refuse(conn, &ErrorResponse::Rejected(fault.rejection()));
        return;
    }
    let (mobility, origin) = conn.mobility(&head, &body);
    if conn.policy.trust.log_untrusted && origin == Origin::Here {
        report_untrusted(conn, &head);
    }
    let exchange = Exchange {
        head,
        client,
        body,
        reply: Box::new(ResponseWriter::new(Arc::clone(conn))),
        queued_at: now,
        queued_for: Duration::ZERO,
        request_id,
    };
    let queue = match &conn.shared.answers {
        Answers::Workers(queue) => queue,
        Answers::AtOnce(answer) => {
            conn.taken(0, Duration::ZERO, now);
            answer(exchange);
            return;
        }
    };
    let requester = Arc::clone(conn) as _;
    let waiting = QueuedRequest { exchange, requester, mobility, origin };
    let pushed = match queue.push(waiting) {
        Err((Refused::Full, waiting)) if queue.make_room(now) => queue.push(*waiting),
        pushed => pushed,
    };
    match pushed {
        Ok(Some(to)) => queue.hand_over_arrived(conn, to),
        Ok(None) => {}
        Err((refused, waiting)) => waiting.requester.reject_overloaded(match refused {
            Refused::Full => RejectReason::QueueFull,
            Refused::Closed => RejectReason::Draining,
        }),
    }
}

/// Logs the untrusted forwarding fields of a request.
fn report_untrusted(conn: &ClientConnection, head: &RequestHead) {
    let names = forwarded::untrusted_fields(&conn.policy.trust, head, &conn.peer);
    if !names.is_empty() {
        conn.shared.telemetry.has_untrusted_fields(&conn.peer, &names);
    }
}

/// Answers the request without the application.
pub(super) fn refuse(conn: &ClientConnection, response: &ErrorResponse) {
    let now = conn.shared.clock.now();
    conn.state().refuse(response, &now);
    conn.flush(now.instant);
}

impl State {
    /// Answers the request without the application. The caller flushes.
    pub(super) fn refuse(&mut self, response: &ErrorResponse, now: &Moment) {
        let Self { protocol, outbox, request, .. } = self;
        let outcome = outbox.append(|out| protocol.refuse(response, out, now));
        request.refused(outcome, protocol.error_body_bytes());
    }
}

/// Writes body bytes to disk, on a thread that may block.
pub(super) async fn spill(conn: &Arc<ClientConnection>, incoming: &mut Arriving) {
    let Some(request) = incoming.take() else { return };
    let IncomingRequest { head, body, is_complete } = *request;
    let shared = Arc::clone(&conn.shared);
    let spilt = tokio::task::spawn_blocking(move || body.spill(&shared.temp_files)).await;
    let now = conn.shared.clock.instant();
    let fed = {
        let mut state = conn.state();
        // It may have been answered meanwhile, because the process is being emptied.
        if !state.protocol.is_owed() {
            return;
        }
        let stored = spilt.map_err(io::Error::other).and_then(|spilt| spilt);
        match stored.map(|body| IncomingRequest { head, body, is_complete }) {
            Ok(request) if is_complete => body_arrived(conn, &mut state, request, now),
            Ok(request) => {
                *incoming = Some(Box::new(request));
                Fed::Nothing
            }
            Err(error) => Fed::NoStorage(error),
        }
    };
    carry_on(conn, fed, now);
}

/// A body could not be written to disk.
fn no_storage(conn: &ClientConnection, error: &io::Error) {
    conn.shared.telemetry.storage_failed("a request body", error);
    conn.shared.telemetry.overload_rejected(RejectReason::Storage);
    refuse(conn, &ErrorResponse::NoStorage);
}

impl State {
    /// Whether an incomplete head takes memory that there is none for. It cannot go to the disk.
    fn has_no_room_for_head(&self) -> bool {
        let is_head = self.protocol.phase() == Phase::Reading && self.protocol.ending().is_none();
        is_head && self.is_short_of_memory(self.protocol.held_bytes() as u64)
    }
}

impl ClientConnection {
    /// Answers 503 to a head that has not arrived completely.
    fn reject_head(&self, state: &mut State, now: &Moment) {
        let telemetry = &self.shared.telemetry;
        telemetry.memory_is_short();
        telemetry.overload_rejected(RejectReason::Storage);
        let State { protocol, outbox, request, ending, .. } = state;
        let known = protocol.take_known_head();
        let response = ErrorResponse::Busy { retry_after_seconds: 1 };
        outbox.append(|out| protocol.reject_overloaded(&response, out, now));
        ending.expect(CloseReason::Rejected);
        let (status, outcome) = (response.status(), RequestOutcome::Complete);
        let previous = request.rejected(status, 0, outcome, || (known, self.client()));
        state.settle_input();
        self.report(previous, now.instant);
    }
}

#[cfg(test)]
#[path = "tests/submit.rs"]
mod tests;
