//! Passes a response from a worker thread to the socket.
//!
//! The worker encodes and sends it itself, without blocking. Output that the socket does not accept
//! stays in the connection's outbox, for the I/O task, and so does what has been moved to the disk. A
//! small response may be sent together with the next few (`deferral.rs`). The first chunk of a stream
//! is sent at once, and so is a file; later chunks that follow each other quickly are sent together.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use maitred_http_parser::connection::{Moment, Outcome};
use maitred_http_parser::exchange::{Chunk, FileBody, Flow, Presence, Reply};
use maitred_http_parser::fault::ApplicationFault;
use maitred_http_parser::message::ResponseHead;

use super::backpressure::Backpressure;
use super::budget::UNCOUNTED_BYTES;
use super::conn::{ClientConnection, State};
use super::outbox::Segment;
use super::shared::Answers;
use super::temp_files::{FilePart, OutputFile};
use crate::scheduling::deferral::Deferred;
use crate::telemetry::Telemetry;

/// Responses up to this size may be deferred; a larger one is worth its own system call.
const DEFERRED_BYTES_MAX: u64 = 16 * 1024;

/// Chunks that follow each other within this time may be sent together, because sending each would
/// cost more than it is worth.
const QUICK_SUCCESSION: Duration = Duration::from_micros(500);

/// How fast the chunks of a response follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// In quick succession: another one is likely.
    Quick,
    /// Slower, or there is only one.
    Unknown,
}

/// Whether the application has given all of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Given {
    Partly,
    /// What waits for the client is all that there will be.
    Wholly,
}

/// One response.
pub(crate) struct ResponseWriter {
    pub(super) conn: Arc<ClientConnection>,
    head: Option<ResponseHead>,
    underway: bool,
    /// When the last chunk was given; the first one is sent at once.
    last_chunk_at: Option<Instant>,
    given: Given,
    pub(super) backpressure: Backpressure,
}

impl ResponseWriter {
    pub(crate) fn new(conn: Arc<ClientConnection>) -> Self {
        Self {
            conn,
            head: None,
            underway: false,
            last_chunk_at: None,
            given: Given::Partly,
            backpressure: Backpressure::default(),
        }
    }

    /// Whether more output is to come.
    pub(super) fn is_underway(&self) -> bool {
        self.given == Given::Partly
    }

    /// The head, where it has still to be written; it is under way then.
    fn begin(&mut self) -> Option<ResponseHead> {
        self.underway |= self.head.is_some();
        self.head.take()
    }

    fn flow(&self, state: &State) -> Flow {
        if state.ending.is_over() || state.protocol.ending().is_some() {
            Flow::Gone
        } else if state.protocol.has_no_body() {
            Flow::Enough
        } else if self.must_wait(state) {
            Flow::Wait
        } else {
            Flow::Continue
        }
    }

    /// Sends now, or defers it.
    fn send(&self, size: u64, pace: Pace, now: Instant) {
        if let Answers::Workers(queue) = &self.conn.shared.answers {
            let may_wait = match pace {
                Pace::Quick => true,
                Pace::Unknown => queue.len() > 0 && !queue.calls_block(),
            };
            let is_small = size <= DEFERRED_BYTES_MAX;
            if may_wait && is_small && queue.deferral.defer(&self.conn, now) == Deferred::Yes {
                return;
            }
        }
        self.conn.flush(now);
    }
}

impl State {
    /// Encodes the head, if it is still due, then a chunk of the body.
    fn encode(
        &mut self,
        head: Option<ResponseHead>,
        chunk: Chunk<'_>,
        known: Option<u64>,
        logged_fields: &[String],
        now: &Moment,
    ) -> Flow {
        let Self { protocol, outbox, request, .. } = self;
        if let Some(head) = head {
            if protocol.is_owed() {
                request.head_given(head.status());
                if !logged_fields.is_empty()
                    && let Some(logged) = request.logged()
                {
                    logged.take_fields(&head, logged_fields);
                }
            }
            outbox.append(|out| protocol.respond(head, known, out, now));
        }
        let Some(frame) = protocol.frame(chunk.as_slice().len() as u64) else {
            return Flow::Gone;
        };
        request.body_given(frame.take);
        let take = usize::try_from(frame.take).unwrap_or(usize::MAX);
        match chunk {
            Chunk::Borrowed(bytes) => outbox.append(|out| {
                out.extend_from_slice(frame.prefix());
                out.extend_from_slice(&bytes[..take]);
                out.extend_from_slice(frame.suffix);
            }),
            Chunk::Owned(bytes) => {
                outbox.append(|out| out.extend_from_slice(frame.prefix()));
                outbox.push(Segment::held(bytes.slice(..take)));
                if !frame.suffix.is_empty() {
                    outbox.append(|out| out.extend_from_slice(frame.suffix));
                }
            }
        }
        Flow::Continue
    }

    /// The application's response has ended.
    fn answered(&mut self, outcome: Outcome, telemetry: &Telemetry, now: Instant) {
        self.last_active = now;
        match outcome {
            Outcome::Short { missing } => {
                telemetry.response_is_short(missing, self.request.head());
            }
            Outcome::Long { excess } => telemetry.response_is_long(excess, self.request.head()),
            Outcome::Complete | Outcome::Refused { .. } | Outcome::Cut | Outcome::Gone => {}
        }
        self.request.answered(outcome, self.protocol.error_body_bytes(), now);
    }
}

impl Reply for ResponseWriter {
    fn head(&mut self, head: ResponseHead) {
        if !self.underway {
            self.head = Some(head);
        }
    }

    fn chunk(&mut self, chunk: Chunk<'_>) -> Flow {
        if chunk.as_slice().is_empty() {
            return Flow::Continue;
        }
        let head = self.begin();
        let conn = &*self.conn;
        let now = conn.shared.clock.now();
        let mut state = conn.state();
        if state.encode(head, chunk, None, &conn.policy.logged_fields, &now) == Flow::Gone {
            return Flow::Gone;
        }
        let size = state.outbox.len();
        drop(state);
        let now = now.instant;
        let pace = match self.last_chunk_at {
            Some(last) if now.saturating_duration_since(last) <= QUICK_SUCCESSION => Pace::Quick,
            Some(_) | None => Pace::Unknown,
        };
        if pace == Pace::Quick
            && let Answers::Workers(queue) = &conn.shared.answers
        {
            // It must be sent even if the application now takes long.
            queue.deferral.attend();
        }
        self.send(size, pace, now);
        let flow = self.flow(&conn.state());
        self.last_chunk_at = Some(now);
        flow
    }

    fn wait(&mut self) -> Flow {
        self.relieve();
        match self.flow(&self.conn.state()) {
            Flow::Gone => Flow::Gone,
            Flow::Continue | Flow::Wait | Flow::Enough => Flow::Continue,
        }
    }

    fn file(&mut self, file: FileBody) -> Flow {
        let head = self.begin();
        let conn = &*self.conn;
        let now = conn.shared.clock.now();
        let mut state = conn.state();
        let nothing = Chunk::Borrowed(&[]);
        if state.encode(head, nothing, Some(file.length), &conn.policy.logged_fields, &now)
            == Flow::Gone
        {
            return Flow::Gone;
        }
        let State { protocol, outbox, request, .. } = &mut *state;
        let Some(frame) = protocol.frame(file.length) else { return Flow::Gone };
        request.body_given(frame.take);
        outbox.append(|out| out.extend_from_slice(frame.prefix()));
        let (offset, remaining) = (file.offset, frame.take);
        let source = Arc::new(OutputFile::given(file, &conn.shared.descriptors));
        outbox.push(Segment::File(FilePart { source, offset, remaining }));
        outbox.append(|out| out.extend_from_slice(frame.suffix));
        drop(state);
        conn.flush_files(now.instant);
        Flow::Continue
    }

    fn log_environ(&mut self, values: Vec<Option<Vec<u8>>>) {
        if let Some(logged) = self.conn.state().request.logged() {
            logged.environ_variables = values;
        }
    }

    fn finish(&mut self, last: Chunk<'_>) -> Flow {
        let head = self.begin();
        self.given = Given::Wholly;
        let conn = &*self.conn;
        let now = conn.shared.clock.now();
        let mut state = conn.state();
        let known = last.as_slice().len() as u64;
        // What came of it, `finish` of the protocol tells as well.
        let _ = state.encode(head, last, Some(known), &conn.policy.logged_fields, &now);
        let State { protocol, outbox, .. } = &mut *state;
        let outcome = outbox.append(|out| protocol.finish(out, &now));
        state.answered(outcome, &conn.shared.telemetry, now.instant);
        let size = state.outbox.len();
        drop(state);
        self.send(size, Pace::Unknown, now.instant);
        if size > UNCOUNTED_BYTES && self.must_wait(&self.conn.state()) {
            Flow::Wait
        } else {
            Flow::Continue
        }
    }

    fn fail(&mut self, fault: ApplicationFault) {
        self.given = Given::Wholly;
        let conn = &*self.conn;
        let mut state = conn.state();
        let now = conn.shared.clock.now();
        let State { protocol, outbox, .. } = &mut *state;
        let outcome = outbox.append(|out| protocol.fail(fault, out, &now));
        state.answered(outcome, &conn.shared.telemetry, now.instant);
        drop(state);
        conn.flush(now.instant);
    }

    fn presence(&self) -> Weak<dyn Presence> {
        Arc::downgrade(&self.conn.presence) as Weak<dyn Presence>
    }
}

impl Drop for ResponseWriter {
    fn drop(&mut self) {
        if self.given == Given::Partly {
            self.fail(ApplicationFault::Dropped);
        }
    }
}
