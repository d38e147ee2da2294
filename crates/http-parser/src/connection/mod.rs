//! The state machine of one server-side HTTP/1.1 connection, without the socket.
//!
//! The caller reports events (`receive`, `handle_*`) and the application's response (`respond`,
//! `frame`, `finish`, `fail`, `refuse`), and carries out the returned actions. Bytes for the client
//! are appended to a buffer of the caller. Time is an argument.
//!
//! Requests are read one at a time. While one is being answered, pipelined input is buffered.
//! So responses are always sent in the order of their requests (RFC 9112 §9.3.2), and nothing after
//! an error is parsed as a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decode::{Decoder, Progress};
use crate::encode::framing::ResponseTo;
use crate::encode::head::{Persistence, ServerFields};
use crate::encode::{BodyEncoder, HttpDate};
use crate::limits::Limits;
use crate::message::RequestHead;
use crate::rejection::Rejection;

mod deadlines;
mod expectation;
mod persistence;
mod reading;
mod succession;
#[cfg(test)]
mod tests;
mod writing;

pub use deadlines::{Expired, Timeouts, Unsent};
pub use reading::Received;
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
    /// Whether the end of the connection delimits the last response.
    is_delimited_by_close: bool,
}

/// The state of the input side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// A request, or the rest of one, is expected.
    Open,
    /// A complete request is being answered; input is buffered.
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
            is_delimited_by_close: false,
        }
    }

    /// From now on, responses say `Connection: close`. An idle connection stays open: requests are
    /// still accepted during `drain-delay`, after which the server ends idle connections
    /// ([`Connection::end`]).
    pub fn handle_drain_announced(&mut self) {
        self.draining = true;
        self.close_after_response();
    }

    /// Reports that `count` bytes of output were sent, and whether more are waiting.
    pub fn handle_sent(&mut self, count: u64, unsent: Unsent, now: Instant) {
        self.deadlines.output_moved(count, unsent, &self.rules.timeouts, now);
    }

    /// The deadline that has passed at `now`, if one has, and when it did.
    pub fn overdue(&self, now: Instant) -> Option<(Expired, Instant)> {
        self.deadlines.overdue(now)
    }

    /// Postpones the deadlines by a time in which the server itself stood still: the client is not to
    /// blame for it.
    pub fn postpone_deadlines(&mut self, standstill: Duration) {
        self.deadlines.postpone(standstill);
    }

    /// Handles a deadline that has passed at `now`, and returns it. A late request is answered 408;
    /// in the other cases, the connection ends without a response.
    pub fn handle_time(&mut self, out: &mut Vec<u8>, now: &Moment) -> Option<Expired> {
        let (expired, _) = self.deadlines.overdue(now.instant)?;
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
}

/// The fields that the server adds to a head at this time.
fn server_fields<'a>(rules: &'a Rules, now: &'a Moment) -> ServerFields<'a> {
    ServerFields { date: &now.date, server: rules.server.as_deref() }
}

/// How long input is discarded before the connection is closed: enough for a slow link to deliver
/// the response.
const LINGER: Duration = Duration::from_secs(2);
