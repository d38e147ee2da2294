//! Turns an incoming request, as the protocol parses it, into an exchange that waits for a worker.
//!
//! A request without a body, as most are, passes straight through; otherwise a buffer collects the
//! body, and the request waits until it is complete.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use maitred_http_parser::connection::{Moment, Outcome, Phase, Received};
use maitred_http_parser::encode::ErrorResponse;
use maitred_http_parser::exchange::{Body, Client, Exchange};
use maitred_http_parser::forwarded;
use maitred_http_parser::message::{BodyFraming, RequestHead};

use super::conn::{ClientConnection, State};
use super::request_body::BodyBuffer;
use super::respond::ResponseWriter;
use super::temp_files::DiskClaim;
use crate::scheduling::queue::Refused;
use crate::scheduling::requester::QueuedRequest;
use crate::telemetry::RejectReason;
use crate::telemetry::record::{Record, RequestOutcome};

/// An arriving request.
pub(crate) struct IncomingRequest {
    head: Arc<RequestHead>,
    pub(crate) body: BodyBuffer,
    /// All of it has arrived, but has not been written to disk.
    pub(crate) is_complete: bool,
}

/// Passes `input` to the protocol, after what it has buffered. Input after the end of a request is
/// buffered until the request has been answered.
pub(crate) fn feed(
    conn: &Arc<ClientConnection>,
    incoming: &mut Option<Box<IncomingRequest>>,
    mut input: &[u8],
) {
    let now = conn.shared.clock.now();
    let mut state = conn.state();
    state.last_active = now.instant;
    state.is_new = false;
    if state.protocol.phase() == Phase::Idle {
        state.request_began = now.instant;
    }
    let mut bodiless = None;
    loop {
        let State { protocol, outbox, .. } = &mut *state;
        match outbox.append(|out| protocol.receive(&mut input, out, &now)) {
            Received::Wait | Received::Buffered | Received::Ignored => return,
            Received::Head(head) => match head.framing() {
                BodyFraming::None | BodyFraming::Length(0) => bodiless = Some(Arc::new(head)),
                framing => {
                    let body = BodyBuffer::begin(&conn.shared.temp_files, framing);
                    let head = Arc::new(head);
                    // What becomes of it before it is complete is known from here on.
                    let record =
                        Record::begin(Some(Arc::clone(&head)), conn.client(), state.request_began);
                    conn.report(state.record.replace(record), now.instant);
                    *incoming = Some(Box::new(IncomingRequest { head, body, is_complete: false }));
                }
            },
            Received::Body(piece) => {
                if let Some(request) = incoming {
                    request.body.push(piece);
                }
            }
            Received::End => {
                match (bodiless.take(), incoming.take()) {
                    (Some(head), _) => submit(conn, state, head, Body::Empty, None, now.instant),
                    (None, Some(request)) if request.body.is_unfinished_file() => {
                        *incoming =
                            Some(Box::new(IncomingRequest { is_complete: true, ..*request }));
                        drop(state);
                    }
                    (None, Some(request)) => complete(conn, state, *request, now.instant),
                    (None, None) => drop(state),
                }
                if input.is_empty() {
                    return;
                }
                state = conn.state();
            }
            Received::Rejected(rejection) => {
                *incoming = None;
                conn.refused(&mut state, rejection, RequestOutcome::Complete, now.instant);
                return;
            }
        }
    }
}

/// The whole body has arrived.
fn complete(
    conn: &Arc<ClientConnection>,
    state: MutexGuard<'_, State>,
    request: IncomingRequest,
    now: Instant,
) {
    match request.body.finish() {
        Ok((body, claim)) => submit(conn, state, request.head, body, claim, now),
        Err(error) => {
            drop(state);
            no_storage(conn, &error);
        }
    }
}

/// Queues a complete request.
fn submit(
    conn: &Arc<ClientConnection>,
    mut state: MutexGuard<'_, State>,
    head: Arc<RequestHead>,
    body: Body,
    claim: Option<DiskClaim>,
    now: Instant,
) {
    let trusted = forwarded::resolve(&conn.shared.trust, &head, &conn.peer);
    let client = Client { forwarded: trusted.clone().unwrap_or_default(), ..conn.client() };
    let request_id = conn.shared.telemetry.name(&head, conn.is_from_trusted);
    if conn.is_from_trusted
        && let Some(start) = head.field("x-request-start")
    {
        let came = now.saturating_duration_since(state.request_began);
        conn.shared.telemetry.came_from_proxy(start, conn.shared.clock.wall() - came);
    }
    let record = Record {
        request_id: request_id.clone(),
        queued_at: Some(now),
        request_body_bytes: body.len(),
        ..Record::begin(Some(Arc::clone(&head)), client.clone(), state.request_began)
    };
    state.request_began = now; // of the next one, where it has come with this
    let previous = state.record.replace(record);
    state.claim = claim;
    drop(state);
    // Its own, which began with the head, has no result; that of the last request has one.
    conn.report(previous.filter(|previous| previous.result.is_some()), now);
    if let Err(refusal) = trusted {
        conn.shared.telemetry.rejected(&conn.peer, Some(&head), refusal.rejection(), &refusal);
        return refuse(conn, &ErrorResponse::Rejected(refusal.rejection()));
    }
    if conn.shared.trust.log_untrusted {
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
    let waiting = QueuedRequest { exchange, requester: Arc::clone(conn) as _ };
    let queue = &conn.shared.queue;
    let pushed = match queue.push(waiting) {
        Err((Refused::Full, waiting)) if queue.make_room(now) => queue.push(*waiting),
        pushed => pushed,
    };
    if let Err((refused, waiting)) = pushed {
        let why = match refused {
            Refused::Full => RejectReason::QueueFull,
            Refused::Closed => RejectReason::Draining,
        };
        waiting.requester.reject_overloaded(why);
    }
}

/// Logs the untrusted forwarding fields of a request.
fn report_untrusted(conn: &ClientConnection, head: &RequestHead) {
    let names = forwarded::untrusted_fields(&conn.shared.trust, head, &conn.peer);
    if !names.is_empty() {
        conn.shared.telemetry.has_untrusted_fields(&conn.peer, &names);
    }
}

/// Answers the request without the application.
pub(crate) fn refuse(conn: &ClientConnection, refusal: &ErrorResponse) {
    let now = conn.shared.clock.now();
    let mut state = conn.state();
    refuse_locked(conn, &mut state, refusal, &now);
    drop(state);
    conn.flush(now.instant);
}

/// The same under the lock; the caller flushes.
pub(crate) fn refuse_locked(
    conn: &ClientConnection,
    state: &mut State,
    refusal: &ErrorResponse,
    now: &Moment,
) {
    let State { protocol, outbox, .. } = &mut *state;
    let outcome = outbox.append(|out| protocol.refuse(refusal, out, now));
    if outcome == Outcome::Cut {
        conn.reset_on_close();
    }
    if state.record.as_ref().is_none_or(|record| record.result.is_some()) {
        return;
    }
    if let Outcome::Refused { status } = outcome {
        state.tell_refusal(status);
    }
    if let Some(record) = &mut state.record {
        record.result = match outcome {
            // Otherwise, all declared bytes had already been given.
            Outcome::Refused { .. } | Outcome::Complete | Outcome::Long { .. } => {
                Some(RequestOutcome::Complete)
            }
            Outcome::Short { .. } | Outcome::Cut => Some(RequestOutcome::Cut),
            Outcome::Gone => Some(RequestOutcome::Abandoned(record.stage())),
        };
    }
}

/// Writes body bytes to disk, on a thread that may block.
pub(crate) async fn spill(
    conn: &Arc<ClientConnection>,
    incoming: &mut Option<Box<IncomingRequest>>,
) {
    let Some(request) = incoming.take() else { return };
    let IncomingRequest { head, body, is_complete } = *request;
    let shared = Arc::clone(&conn.shared);
    let spilt = tokio::task::spawn_blocking(move || body.spill(&shared.temp_files)).await;
    match spilt.map_err(io::Error::other).and_then(|spilt| spilt) {
        Ok(body) => {
            let request = IncomingRequest { head, body, is_complete };
            if is_complete {
                complete(conn, conn.state(), request, conn.shared.clock.instant());
            } else {
                *incoming = Some(Box::new(request));
            }
        }
        Err(error) => no_storage(conn, &error),
    }
}

/// A body could not be written to disk.
fn no_storage(conn: &ClientConnection, error: &io::Error) {
    conn.shared.telemetry.storage_failed("a request body", error);
    refuse(conn, &ErrorResponse::NoStorage);
}
