//! The request side of a connection: what received bytes mean, and in which order they are read.
//!
//! Input that arrives while a request is being answered is buffered, and read before any later
//! input. The caller never handles it: it passes what it received, and asks again when a response is
//! complete. The rules of parsing are in `decode/`.

use std::sync::Arc;

use std::time::Instant;

use super::{
    Connection, Ending, Moment, Persistence, Reading, Writing, expectation, persistence,
    server_fields,
};
use crate::decode::{Decoded, Progress, cost};
use crate::encode::ErrorResponse;
use crate::encode::framing::ResponseTo;
use crate::message::{RequestHead, Version};
use crate::rejection::Rejection;

/// The meaning of received bytes.
#[derive(Debug)]
pub enum Received<'a> {
    /// All bytes were consumed; more are needed.
    Wait,
    /// A request is being answered: the bytes were buffered, and are read when its response is
    /// complete.
    Buffered,
    /// No more requests are read; the bytes were discarded.
    Ignored,
    /// A request head. Chunks of its body follow, then [`Received::End`].
    Head(Arc<RequestHead>),
    /// The next bytes of the body.
    Body(&'a [u8]),
    /// The request is complete, and its response is due.
    End,
    /// The request was rejected, and the response has been written.
    Rejected(Rejection),
}

impl Connection {
    /// Consumes bytes from the front of `input`, and returns their meaning. Call it until it returns
    /// [`Received::Wait`], [`Received::Buffered`] or [`Received::Ignored`].
    ///
    /// Pipelined input comes first: once a response is complete, call it even without new input, as
    /// long as [`Connection::has_pipelined`].
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i [u8],
        out: &mut Vec<u8>,
        now: &Moment,
    ) -> Received<'r> {
        match self.reading {
            Reading::Open if self.has_pipelined() => self.receive_pipelined(input, out, now),
            Reading::Open => self.receive_new(input, out, now),
            Reading::Buffering => {
                self.buffer_pipelined(std::mem::take(input));
                Received::Buffered
            }
            Reading::Closed => {
                *input = &[];
                Received::Ignored
            }
        }
    }

    /// Decodes input as it arrives.
    #[inline]
    fn receive_new<'i>(
        &mut self,
        input: &mut &'i [u8],
        out: &mut Vec<u8>,
        now: &Moment,
    ) -> Received<'i> {
        match self.decoder.decode(input) {
            Decoded::Incomplete => self.input_used_up(now),
            Decoded::Head(head) => self.head_received(head, out, now),
            Decoded::Body(piece) => {
                self.deadlines.body_came(piece.len() as u64, &self.rules.timeouts, now.instant);
                Received::Body(piece)
            }
            Decoded::End => self.request_received(),
            Decoded::Rejected(rejection) => {
                *input = &[];
                self.reject(rejection, out, now);
                Received::Rejected(rejection)
            }
        }
    }

    /// Decodes input that arrived while an earlier request was being answered, then `input`.
    fn receive_pipelined<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i [u8],
        out: &mut Vec<u8>,
        now: &Moment,
    ) -> Received<'r> {
        let mut rest = self.pipelined.get(self.pipelined_start..).unwrap_or_default();
        let decoded = self.decoder.decode(&mut rest);
        let end = self.pipelined.len() - rest.len();
        self.pipelined_start = end;
        match decoded {
            Decoded::Incomplete => self.receive_new(input, out, now),
            Decoded::Head(head) => self.head_received(head, out, now),
            Decoded::Body(piece) => {
                let start = end - piece.len(); // the decoder stops right behind it
                self.deadlines.body_came(piece.len() as u64, &self.rules.timeouts, now.instant);
                Received::Body(self.pipelined.get(start..end).unwrap_or_default())
            }
            Decoded::End => self.request_received(),
            Decoded::Rejected(rejection) => {
                *input = &[];
                self.reject(rejection, out, now);
                Received::Rejected(rejection)
            }
        }
    }

    /// All input has been decoded, and the request is incomplete.
    fn input_used_up<'i>(&mut self, now: &Moment) -> Received<'i> {
        self.release_pipelined();
        self.deadlines.waits_for(self.decoder.progress(), &self.rules.timeouts, now.instant);
        Received::Wait
    }

    /// A response is due.
    #[inline]
    fn head_received<'i>(
        &mut self,
        head: Arc<RequestHead>,
        out: &mut Vec<u8>,
        now: &Moment,
    ) -> Received<'i> {
        let request =
            ResponseTo { is_head: head.method_token() == b"HEAD", version: head.version() };
        let persistence = match self.draining {
            false => persistence::after_request(&head),
            true => Persistence::Close,
        };
        self.writing = Writing::Owed { request, persistence };
        self.deadlines.body_begins(&self.rules.timeouts, now.instant);
        expectation::answer(&head, out);
        Received::Head(head)
    }

    /// Nothing more is read until the response is complete.
    fn request_received<'i>(&mut self) -> Received<'i> {
        self.release_pipelined();
        self.reading = Reading::Buffering;
        self.deadlines.nothing_to_read();
        Received::End
    }

    /// Buffers input that arrives while a request is being answered.
    fn buffer_pipelined(&mut self, input: &[u8]) {
        // Compacting only when at least half has been read keeps the cost linear, and bounds the
        // buffer of a client that always pipelines.
        if self.pipelined_start >= self.pipelined.len() - self.pipelined_start {
            self.pipelined.drain(..self.pipelined_start);
            self.pipelined_start = 0;
            cost::count(self.pipelined.len());
        }
        self.pipelined.extend_from_slice(input);
        cost::count(input.len());
    }

    /// Frees the buffer once all of it has been read, so that an idle connection holds none.
    fn release_pipelined(&mut self) {
        if self.pipelined_start == self.pipelined.len() {
            self.pipelined = Vec::new();
            self.pipelined_start = 0;
        }
    }

    /// Whether pipelined input can be read as the next request now.
    pub fn has_pipelined(&self) -> bool {
        self.pipelined.len() > self.pipelined_start && self.reading == Reading::Open
    }

    /// Whether the socket should be read: not while the pipelined input is at its limit.
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
    /// incomplete one is rejected, and never reaches the application. Call it again when the
    /// pipelined input has been read: until then, the last request is not known.
    pub fn handle_eof(&mut self, out: &mut Vec<u8>, now: &Moment) -> Option<Rejection> {
        match (self.reading, self.decoder.progress()) {
            (Reading::Open, _) if self.has_pipelined() => None,
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

    pub(super) fn reject(&mut self, rejection: Rejection, out: &mut Vec<u8>, now: &Moment) {
        let response = ErrorResponse::Rejected(rejection);
        let request = match self.writing {
            Writing::Owed { request, .. } => request,
            _ => ResponseTo { is_head: self.decoder.is_head_method(), version: Version::Http11 },
        };
        self.error_body_bytes = response.write(request, server_fields(&self.rules, now), out);
        self.end(Ending::Linger);
    }
}
