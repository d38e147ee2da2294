//! The state machine of one server-side HTTP/1.1 connection, without the socket.
//!
//! The caller reports events (`receive`, `handle_*`) and the application's response (`respond`,
//! `frame`, `finish`, `fail`, `refuse`), and carries out the returned actions. Bytes for the client
//! are appended to a buffer of the caller. Time is an argument.
//!
//! Requests are read one at a time. While one is being answered, pipelined input is kept for later.
//! So responses are always sent in the order of their requests (RFC 9112 §9.3.2), and nothing after
//! an error is parsed as a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decode::{Decoded, Decoder, Progress, cost};
use crate::encode::framing::ResponseTo;
use crate::encode::head::{Persistence, ServerFields};
use crate::encode::{BodyEncoder, ErrorResponse, HttpDate};
use crate::limits::Limits;
use crate::message::{RequestHead, Version};
use crate::rejection::Rejection;

mod deadlines;
mod expectation;
mod persistence;
mod succession;
#[cfg(test)]
mod tests;
mod writing;

pub use deadlines::{Expired, Timeouts};
pub use succession::{Unread, append_request, request_bytes};
pub use writing::Outcome;

use deadlines::Deadlines;

/// The configuration that all connections of a server share.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The limits on what a client may send.
    pub limits: Arc<Limits>,
    /// The timeouts.
    pub timeouts: Timeouts,
    /// The value of the Server field; `None` for none. It must be a valid field value.
    pub server: Option<String>,
}

/// A point in time: on the monotonic clock, and as a date.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// For deadlines.
    pub instant: Instant,
    /// For the Date field.
    pub date: HttpDate,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    rules: Arc<Rules>,
    decoder: Decoder,
    reading: Reading,
    writing: Writing,
    deadlines: Deadlines,
    draining: bool,
    /// Input that arrived while a request was being answered, and how much of it has been read.
    pipelined: Vec<u8>,
    pipelined_start: usize,
    /// Body bytes of the error response that ended the connection.
    error_body_bytes: usize,
}

/// The state of the input side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// A request, or the rest of one, is expected.
    Open,
    /// A complete request is being answered; input is kept.
    Buffering,
    /// No more requests are read.
    Closed,
}

/// The state of the output side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// No response is due.
    Idle,
    /// A response is due, and no head has been given.
    Owed { request: ResponseTo, persistence: Persistence },
    /// The head has been given; the rest of the body is due.
    Body { encoder: BodyEncoder, persistence: Persistence },
    /// The connection ends when all output has been sent.
    Ended(Ending),
}

/// How a connection ends, after its output has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is closed at once: there is no unread input that would turn the close into a reset.
    Close,
    /// The write side is closed, and further input is discarded for a while, so that a reset does
    /// not destroy the response (RFC 9112 §9.6).
    Linger,
    /// It is reset, so that the response does not look complete.
    Reset,
}

/// The meaning of received bytes.
#[derive(Debug)]
pub enum Received<'a> {
    /// All bytes were consumed; more are needed.
    Wait,
    /// The bytes were not read, because a request is being answered or kept input comes first. Pass
    /// them to [`Connection::buffer_pipelined`].
    Buffered,
    /// No more requests are read; the bytes were discarded.
    Ignored,
    /// A request head. Chunks of its body follow, then [`Received::End`].
    Head(RequestHead),
    /// The next bytes of the body.
    Body(&'a [u8]),
    /// The request is complete, and its response is due.
    End,
    /// The request was rejected, and the response has been written.
    Rejected(Rejection),
}

/// The phase of a connection, for metrics and for choosing a connection to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests.
    Idle,
    /// A request is arriving.
    Reading,
    /// A complete request is being answered.
    Answering,
    /// The connection is ending.
    Ending,
}

impl Connection {
    /// A newly accepted connection.
    pub fn new(rules: Arc<Rules>, now: Instant) -> Self {
        let decoder = Decoder::new(Arc::clone(&rules.limits));
        let deadlines = Deadlines::new(&rules.timeouts, now);
        Self {
            rules,
            decoder,
            reading: Reading::Open,
            writing: Writing::Idle,
            deadlines,
            draining: false,
            pipelined: Vec::new(),
            pipelined_start: 0,
            error_body_bytes: 0,
        }
    }

    /// Consumes bytes from the front of `input`, and returns their meaning. Call it until it returns
    /// [`Received::Wait`], [`Received::Buffered`] or [`Received::Ignored`].
    pub fn receive<'a>(
        &mut self,
        input: &mut &'a [u8],
        out: &mut Vec<u8>,
        now: &Moment,
    ) -> Received<'a> {
        match self.reading {
            Reading::Buffering => return Received::Buffered,
            Reading::Closed => {
                *input = &[];
                return Received::Ignored;
            }
            // Kept input comes first, even if the response has just been completed.
            Reading::Open if self.has_pipelined() => return Received::Buffered,
            Reading::Open => {}
        }
        match self.decoder.decode(input) {
            Decoded::Incomplete => {
                self.deadlines.waits_for(
                    self.decoder.progress(),
                    &self.rules.timeouts,
                    now.instant,
                );
                Received::Wait
            }
            Decoded::Head(head) => {
                let request =
                    ResponseTo { is_head: head.method_token() == b"HEAD", version: head.version() };
                let persistence = persistence::after_request(&head, self.draining);
                self.writing = Writing::Owed { request, persistence };
                self.deadlines.body_begins(&self.rules.timeouts, now.instant);
                expectation::answer(&head, out);
                Received::Head(head)
            }
            Decoded::Body(piece) => {
                self.deadlines.body_came(piece.len() as u64, &self.rules.timeouts, now.instant);
                Received::Body(piece)
            }
            Decoded::End => {
                self.reading = Reading::Buffering;
                self.deadlines.nothing_to_read();
                Received::End
            }
            Decoded::Rejected(rejection) => {
                *input = &[];
                self.reject(rejection, out, now);
                Received::Rejected(rejection)
            }
        }
    }

    /// Keeps input that arrived while a request was being answered. It is read next, even if the
    /// response has been completed since [`Received::Buffered`] was returned.
    pub fn buffer_pipelined(&mut self, input: &[u8]) {
        if self.reading == Reading::Closed {
            return;
        }
        // Compacting only when at least half has been read keeps the cost linear, and bounds the
        // buffer of a client that always pipelines ahead.
        if self.pipelined_start >= self.pipelined.len() - self.pipelined_start {
            self.pipelined.drain(..self.pipelined_start);
            self.pipelined_start = 0;
            cost::count(self.pipelined.len());
        }
        self.pipelined.extend_from_slice(input);
        cost::count(input.len());
    }

    /// Takes the kept input out, to be passed to [`Connection::receive`] from the returned offset
    /// on; return the rest with [`Connection::restore_pipelined`]. `None` if nothing was kept, or a
    /// request is still being answered.
    pub fn take_pipelined(&mut self) -> Option<(Vec<u8>, usize)> {
        if self.reading == Reading::Buffering || self.pipelined.len() == self.pipelined_start {
            return None;
        }
        let start = std::mem::take(&mut self.pipelined_start);
        Some((std::mem::take(&mut self.pipelined), start))
    }

    /// Returns the buffer of [`Connection::take_pipelined`], whose first `start` bytes have been read.
    pub fn restore_pipelined(&mut self, buffer: Vec<u8>, start: usize) {
        if self.reading != Reading::Closed && start < buffer.len() {
            self.pipelined = buffer;
            self.pipelined_start = start;
        }
    }

    /// Whether kept input can be read as the next request now.
    pub fn has_pipelined(&self) -> bool {
        self.reading == Reading::Open && self.pipelined.len() > self.pipelined_start
    }

    /// Whether the socket should be read: not while the kept input is at its limit.
    pub fn wants_read(&self) -> bool {
        match self.reading {
            Reading::Open | Reading::Closed => true,
            Reading::Buffering => {
                self.pipelined.len() - self.pipelined_start < self.rules.limits.pipelined_bytes
            }
        }
    }

    /// How many body bytes may be received directly into the body's buffer.
    pub fn body_remaining(&self) -> Option<u64> {
        (self.reading == Reading::Open).then(|| self.decoder.body_remaining()).flatten()
    }

    /// Reports that the next `count` bytes of the body were received directly; at most
    /// [`Connection::body_remaining`].
    pub fn body_received(&mut self, count: u64, now: Instant) {
        self.decoder.body_received(count);
        self.deadlines.body_came(count, &self.rules.timeouts, now);
    }

    /// Reports that the client will send nothing more. A complete request is still answered; an
    /// incomplete one is rejected, and never reaches the application. Call it again when the kept
    /// input has been read: until then, the last request is not known.
    pub fn handle_eof(&mut self, out: &mut Vec<u8>, now: &Moment) -> Option<Rejection> {
        match (self.reading, self.decoder.progress()) {
            (Reading::Open, Progress::Between | Progress::Rejected) => {
                self.end(Ending::Close);
                None
            }
            (Reading::Open, Progress::Head | Progress::Body) => {
                self.reject(Rejection::CutShort, out, now);
                self.end(Ending::Close);
                Some(Rejection::CutShort)
            }
            (Reading::Buffering, _) => {
                if self.pipelined.len() == self.pipelined_start {
                    self.close_after_response();
                }
                None
            }
            (Reading::Closed, _) => {
                if self.writing == Writing::Ended(Ending::Linger) {
                    self.writing = Writing::Ended(Ending::Close);
                }
                None
            }
        }
    }

    /// From now on, responses say `Connection: close`. An idle connection stays open: requests are
    /// still accepted during `drain-delay`, after which the server ends idle connections
    /// ([`Connection::end`]).
    pub fn handle_drain_announced(&mut self) {
        self.draining = true;
        self.close_after_response();
    }

    /// Reports that `count` bytes of output were sent; `pending` says whether more are waiting.
    pub fn handle_sent(&mut self, count: u64, pending: bool, now: Instant) {
        self.deadlines.output_moved(count, pending, &self.rules.timeouts, now);
    }

    /// Handles a deadline that has passed at `now`, and returns it. A late request is answered 408;
    /// in the other cases, the connection ends without a response.
    pub fn handle_time(&mut self, out: &mut Vec<u8>, now: &Moment) -> Option<Expired> {
        let expired = self.deadlines.overdue(now.instant)?;
        match expired {
            Expired::Head => self.reject(Rejection::HeadTimeout, out, now),
            Expired::Body => self.reject(Rejection::BodyTimeout, out, now),
            Expired::KeepAlive | Expired::Linger => self.end(Ending::Close),
            Expired::Write => {
                self.deadlines.nothing_to_write();
                self.end(Ending::Reset);
            }
        }
        Some(expired)
    }

    /// The known part of a head that was rejected or is incomplete, for the log: its request line,
    /// without fields. Returned once.
    pub fn take_known_head(&mut self) -> Option<RequestHead> {
        self.decoder.take_known_head()
    }

    /// The phase of the connection.
    pub fn phase(&self) -> Phase {
        match (self.writing, self.reading) {
            (Writing::Ended(_), _) => Phase::Ending,
            (_, Reading::Buffering | Reading::Closed) => Phase::Answering,
            (_, Reading::Open) => match self.decoder.progress() {
                Progress::Between if self.pipelined.len() == self.pipelined_start => Phase::Idle,
                _ => Phase::Reading,
            },
        }
    }

    /// How the connection ends after all output has been sent; `None` while it continues.
    pub fn ending(&self) -> Option<Ending> {
        match self.writing {
            Writing::Ended(ending) => Some(ending),
            Writing::Idle | Writing::Owed { .. } | Writing::Body { .. } => None,
        }
    }

    /// Reports that the write side has been closed, and starts to discard input.
    pub fn lingers(&mut self, now: Instant) {
        self.deadlines.linger(now + LINGER);
    }

    /// Ends the connection in any phase.
    pub fn end(&mut self, ending: Ending) {
        self.reading = Reading::Closed;
        self.writing = Writing::Ended(ending);
        self.deadlines.nothing_to_read();
        self.pipelined = Vec::new();
        self.pipelined_start = 0;
    }

    /// Body bytes of the server's own error response, or 0 if there is none.
    pub fn error_body_bytes(&self) -> u64 {
        self.error_body_bytes as u64
    }

    /// Bytes of memory held in addition to the connection itself.
    pub fn held_bytes(&self) -> usize {
        self.decoder.held_bytes() + self.pipelined.capacity()
    }

    fn reject(&mut self, rejection: Rejection, out: &mut Vec<u8>, now: &Moment) {
        let response = ErrorResponse::Rejected(rejection);
        let request = match self.writing {
            Writing::Owed { request, .. } => request,
            _ => ResponseTo { is_head: self.decoder.is_head_method(), version: Version::Http11 },
        };
        self.error_body_bytes = response.write(request, server_fields(&self.rules, now), out);
        self.end(Ending::Linger);
    }
}

/// The fields that the server adds to a head at this time.
fn server_fields<'a>(rules: &'a Rules, now: &'a Moment) -> ServerFields<'a> {
    ServerFields { date: &now.date, server: rules.server.as_deref() }
}

/// How long input is discarded before the connection is closed: enough for a slow link to deliver
/// the response.
const LINGER: Duration = Duration::from_secs(2);
