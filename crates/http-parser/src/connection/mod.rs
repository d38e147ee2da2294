//! One HTTP/1.1 connection, as a server sees it, without the socket.
//!
//! Tell it what happened (`receive`, `handle_*`), tell it what the application says (`respond`,
//! `frame`, `finish`, `fail`, `refuse`), and carry out what it answers. Bytes for the client are
//! appended to the buffer that the caller lends. Time is an argument, and being late is a fact
//! like any other.
//!
//! Requests are read one at a time: while one is being answered, what the client sends ahead is
//! kept for later, so that responses can never leave in another order than their requests came
//! (RFC 9112 §9.3.2), and nothing after an error is ever read as a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::decode::{Decoded, Decoder, Progress, steps};
use crate::encode::framing::Asked;
use crate::encode::head::{Persistence, Stamp};
use crate::encode::{BodyEncoder, HttpDate, Refusal};
use crate::limits::Limits;
use crate::message::{RequestHead, Version};
use crate::rejection::Rejection;

mod deadlines;
mod expectation;
mod persistence;
#[cfg(test)]
mod tests;
mod writing;

pub use deadlines::{Late, Timeouts};
pub use writing::Outcome;

use deadlines::Deadlines;

/// What all connections of a server have in common.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How much a client may send.
    pub limits: Arc<Limits>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// The value of the Server field; `None` for none. It must be a valid field value.
    pub server: Option<String>,
}

/// A point in time, by both clocks that matter: one to measure with, one to tell the client.
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
    /// Bytes that came while a request was being answered, and how many of them have been read.
    ahead: Vec<u8>,
    ahead_start: usize,
    /// Bytes of the body of the refusal that ended the connection.
    refusal_body_bytes: usize,
}

/// What the client still owes us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// A request, or the rest of one.
    Open,
    /// Nothing, until the request that is complete has been answered.
    Held,
    /// Nothing any more: it said so, or it is not believed any more.
    Closed,
}

/// What we still owe the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// Nothing: no request has come since the last response.
    Idle,
    /// A response, of which nothing has gone.
    Owed { asked: Asked, persistence: Persistence },
    /// The rest of a body.
    Body { encoder: BodyEncoder, persistence: Persistence },
    /// Nothing any more: the connection ends when everything that was written has gone.
    Ended(Ending),
}

/// How a connection ends, once its output has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is closed at once: nothing unread can turn the close into a reset.
    Close,
    /// The write side is closed, then what the client still sends is dropped for a while, so that
    /// a reset does not take the answer away from it (RFC 9112 §9.6).
    Linger,
    /// It is reset: what was sent must not look complete.
    Reset,
}

/// What came of received bytes.
#[derive(Debug)]
pub enum Received<'a> {
    /// All of them were understood; more are needed.
    Wait,
    /// A request is being answered, or others that were kept come first: these bytes are not read
    /// now. Give them to [`Connection::keep`].
    Held,
    /// Nothing is read from this client any more; the bytes were dropped.
    Ignored,
    /// A request head. Pieces of its body follow, then [`Received::End`].
    Head(RequestHead),
    /// The next bytes of the body.
    Body(&'a [u8]),
    /// The request is complete and waits for its answer.
    End,
    /// The client was refused; the answer has been written.
    Rejected(Rejection),
}

/// What a connection is doing, for gauges and for choosing which one to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests.
    Idle,
    /// A request is coming in.
    Reading,
    /// A request is complete, and its response is not.
    Answering,
    /// The connection is ending.
    Ending,
}

impl Connection {
    /// A connection that has just been accepted.
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
            ahead: Vec::new(),
            ahead_start: 0,
            refusal_body_bytes: 0,
        }
    }

    /// Takes received bytes from the front of `input`, and tells what they are. Call it until it
    /// answers [`Received::Wait`], [`Received::Held`] or [`Received::Ignored`].
    pub fn receive<'a>(
        &mut self,
        input: &mut &'a [u8],
        out: &mut Vec<u8>,
        now: &Moment,
    ) -> Received<'a> {
        match self.reading {
            Reading::Held => return Received::Held,
            Reading::Closed => {
                *input = &[];
                return Received::Ignored;
            }
            // What came first is read first, even where the answer was completed just now.
            Reading::Open if self.has_ahead() => return Received::Held,
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
                let asked =
                    Asked { is_head: head.method_token() == b"HEAD", version: head.version() };
                let persistence = persistence::after_request(&head, self.draining);
                self.writing = Writing::Owed { asked, persistence };
                self.deadlines.body_begins(&self.rules.timeouts, now.instant);
                expectation::answer(&head, out);
                Received::Head(head)
            }
            Decoded::Body(piece) => {
                self.deadlines.body_came(piece.len() as u64, &self.rules.timeouts, now.instant);
                Received::Body(piece)
            }
            Decoded::End => {
                self.reading = Reading::Held;
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

    /// Keeps bytes that came while a request was being answered. They are read next, even where
    /// the response has been completed since [`Received::Held`] was told.
    pub fn keep(&mut self, input: &[u8]) {
        if self.reading == Reading::Closed {
            return;
        }
        // Moving no more than has been read since the last time keeps the cost linear, and the
        // buffer short of a client that is always ahead.
        if self.ahead_start >= self.ahead.len() - self.ahead_start {
            self.ahead.drain(..self.ahead_start);
            self.ahead_start = 0;
            steps::count(self.ahead.len());
        }
        self.ahead.extend_from_slice(input);
        steps::count(input.len());
    }

    /// Gives out what was kept, to be fed to [`Connection::receive`] from `start` on; what is not
    /// consumed goes back by [`Connection::restore_ahead`]. `None` when nothing was kept, or a
    /// request is still being answered.
    pub fn take_ahead(&mut self) -> Option<(Vec<u8>, usize)> {
        if self.reading == Reading::Held || self.ahead.len() == self.ahead_start {
            return None;
        }
        let start = std::mem::take(&mut self.ahead_start);
        Some((std::mem::take(&mut self.ahead), start))
    }

    /// Gives back the buffer of [`Connection::take_ahead`], of which the first `start` bytes have
    /// been read.
    pub fn restore_ahead(&mut self, buffer: Vec<u8>, start: usize) {
        if self.reading != Reading::Closed && start < buffer.len() {
            self.ahead = buffer;
            self.ahead_start = start;
        }
    }

    /// Whether bytes wait that could be read as the next request now.
    pub fn has_ahead(&self) -> bool {
        self.reading == Reading::Open && self.ahead.len() > self.ahead_start
    }

    /// Whether the socket should be read: not while as much is kept as may be.
    pub fn wants_read(&self) -> bool {
        match self.reading {
            Reading::Open | Reading::Closed => true,
            Reading::Held => self.ahead.len() - self.ahead_start < self.rules.limits.ahead_bytes,
        }
    }

    /// How many body bytes may be received straight into the body's own buffer.
    pub fn body_remaining(&self) -> Option<u64> {
        (self.reading == Reading::Open).then(|| self.decoder.body_remaining()).flatten()
    }

    /// The next `count` bytes of the body were received without passing through here; at most
    /// [`Connection::body_remaining`].
    pub fn body_received(&mut self, count: u64, now: Instant) {
        self.decoder.body_received(count);
        self.deadlines.body_came(count, &self.rules.timeouts, now);
    }

    /// The client will send nothing more. A request that is complete is still answered; one that
    /// is not is refused, and never reaches the application. Tell it again when what was kept has
    /// been read: until then it is not known what the last request is.
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
            (Reading::Held, _) => {
                if self.ahead.len() == self.ahead_start {
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

    /// Responses say `Connection: close` from now on. What is idle stays open: the server will stop
    /// soon, still takes what comes, and ends idle connections by itself ([`Connection::end`]).
    pub fn handle_drain_announced(&mut self) {
        self.draining = true;
        self.close_after_response();
    }

    /// The output moved on: `count` bytes went, and `pending` says whether more wait.
    pub fn handle_sent(&mut self, count: u64, pending: bool, now: Instant) {
        self.deadlines.output_moved(count, pending, &self.rules.timeouts, now);
    }

    /// Whether something is overdue at `now`, after having been acted upon: a late request has
    /// been answered with 408, everything else ends without a word.
    pub fn handle_time(&mut self, out: &mut Vec<u8>, now: &Moment) -> Option<Late> {
        let late = self.deadlines.overdue(now.instant)?;
        match late {
            Late::Head => self.reject(Rejection::HeadTimeout, out, now),
            Late::Body => self.reject(Rejection::BodyTimeout, out, now),
            Late::KeepAlive | Late::Linger => self.end(Ending::Close),
            Late::Write => {
                self.deadlines.nothing_to_write();
                self.end(Ending::Reset);
            }
        }
        Some(late)
    }

    /// What is known of a head that was refused or has not come whole, for the log: its request
    /// line, without a field. Given once.
    pub fn take_known_head(&mut self) -> Option<RequestHead> {
        self.decoder.take_known_head()
    }

    /// What the connection is doing.
    pub fn phase(&self) -> Phase {
        match (self.writing, self.reading) {
            (Writing::Ended(_), _) => Phase::Ending,
            (_, Reading::Held | Reading::Closed) => Phase::Answering,
            (_, Reading::Open) => match self.decoder.progress() {
                Progress::Between if self.ahead.len() == self.ahead_start => Phase::Idle,
                _ => Phase::Reading,
            },
        }
    }

    /// How the connection ends once all output has gone; `None` while it goes on.
    pub fn ending(&self) -> Option<Ending> {
        match self.writing {
            Writing::Ended(ending) => Some(ending),
            Writing::Idle | Writing::Owed { .. } | Writing::Body { .. } => None,
        }
    }

    /// The write side has been closed, and dropping what the client still sends begins.
    pub fn lingers(&mut self, now: Instant) {
        self.deadlines.linger(now + LINGER);
    }

    /// Ends the connection, whatever it is doing.
    pub fn end(&mut self, ending: Ending) {
        self.reading = Reading::Closed;
        self.writing = Writing::Ended(ending);
        self.deadlines.nothing_to_read();
        self.ahead = Vec::new();
        self.ahead_start = 0;
    }

    /// Bytes of the body of the refusal that the client got, or is about to get, in place of an
    /// answer of the application; none while there is no such refusal.
    pub fn refusal_body_bytes(&self) -> u64 {
        self.refusal_body_bytes as u64
    }

    /// Bytes of memory held beside the connection itself.
    pub fn held_bytes(&self) -> usize {
        self.decoder.held_bytes() + self.ahead.capacity()
    }

    fn reject(&mut self, rejection: Rejection, out: &mut Vec<u8>, now: &Moment) {
        let refusal = Refusal::Rejected(rejection);
        let asked = match self.writing {
            Writing::Owed { asked, .. } => asked,
            _ => Asked { is_head: self.decoder.is_head_method(), version: Version::Http11 },
        };
        self.refusal_body_bytes = refusal.write(asked, stamp(&self.rules, now), out);
        self.end(Ending::Linger);
    }
}

/// What the server's heads have in common at a moment.
fn stamp<'a>(rules: &'a Rules, now: &'a Moment) -> Stamp<'a> {
    Stamp { date: &now.date, server: rules.server.as_deref() }
}

/// How long what a refused client still sends is dropped. As long as a slow link takes to deliver
/// the answer; a connection that is not needed any more is not kept for longer.
const LINGER: Duration = Duration::from_secs(2);
