//! The response side of a connection: head once, then the body, then the end, and whether the
//! connection continues. The rules of framing are in `encode/`.

use super::{
    Connection, Ending, Moment, Persistence, Reading, Writing, persistence, server_fields,
};
use crate::encode::framing;
use crate::encode::{BodyEncoder, ErrorResponse, Frame, head};
use crate::fault::ApplicationFault;
use crate::message::{ResponseHead, Version};

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Complete.
    Complete,
    /// Complete, but the application gave more bytes than it declared, which were discarded.
    Long {
        /// The number of discarded bytes.
        excess: u64,
    },
    /// Incomplete: the application gave fewer bytes than it declared. The connection is closed, so
    /// that the client notices.
    Short {
        /// The number of missing bytes.
        missing: u64,
    },
    /// The server answered instead of the application, before a head was sent.
    Refused {
        /// The status.
        status: u16,
    },
    /// The response was abandoned after its head was sent. The connection ends, so that the client
    /// notices.
    Cut,
    /// No response was due any more.
    Gone,
}

impl Connection {
    /// Whether a request waits for its response, and no head has been given.
    pub fn is_owed(&self) -> bool {
        matches!(self.writing, Writing::Owed { .. })
    }

    /// Whether all declared bytes of the current response have been given, although it has not been
    /// finished.
    pub fn is_whole(&self) -> bool {
        matches!(&self.writing, Writing::Body { encoder, .. } if encoder.is_whole())
    }

    /// Whether the response under way has no body, whatever is given of one: its head was all that
    /// the client gets (RFC 9110 §9.3.2, §15.3.5, §15.4.5).
    pub fn has_no_body(&self) -> bool {
        matches!(&self.writing, Writing::Body { encoder: BodyEncoder::Forbidden, .. })
    }

    /// Appends the head of the response to `out`. `known` is the length of the whole body, if it is
    /// known without having been declared. Does nothing if no response is due.
    pub fn respond(
        &mut self,
        mut response: ResponseHead,
        known: Option<u64>,
        out: &mut Vec<u8>,
        now: &Moment,
    ) {
        let Writing::Owed { request, persistence: requested } = self.writing else { return };
        let framing = framing::decide(&mut response, request, known);
        self.is_delimited_by_close = framing.encoder == BodyEncoder::UntilClose;
        let persistence = persistence::after_response(requested, &framing.encoder);
        let server_fields = server_fields(&self.rules, now);
        head::finish(response, request, framing.field, persistence, server_fields, out);
        self.writing = Writing::Body { encoder: framing.encoder, persistence };
    }

    /// The frame for the next `length` bytes of the body; `None` if no body is being sent.
    pub fn frame(&mut self, length: u64) -> Option<Frame> {
        match &mut self.writing {
            Writing::Body { encoder, .. } => Some(encoder.frame(length)),
            Writing::Idle | Writing::Owed { .. } | Writing::Ended(_) => None,
        }
    }

    /// Ends the response. Its head must have been given.
    pub fn finish(&mut self, out: &mut Vec<u8>, now: &Moment) -> Outcome {
        let Writing::Body { encoder, persistence } = self.writing else { return Outcome::Gone };
        out.extend_from_slice(encoder.end());
        match (encoder.missing(), encoder.excess()) {
            (0, excess) => {
                self.response_ended(persistence, now);
                if excess == 0 { Outcome::Complete } else { Outcome::Long { excess } }
            }
            (missing, _) => {
                self.response_ended(Persistence::Close, now);
                Outcome::Short { missing }
            }
        }
    }

    /// Abandons the response because of a fault of the application.
    pub fn fail(&mut self, fault: ApplicationFault, out: &mut Vec<u8>, now: &Moment) -> Outcome {
        match self.writing {
            Writing::Owed { .. } => {
                let detail = match fault {
                    ApplicationFault::Raised { detail, .. } => detail,
                    _ => None,
                };
                self.refuse(&ErrorResponse::Failed { detail }, out, now)
            }
            Writing::Body { encoder, .. } => self.cut_short(encoder, now),
            Writing::Idle | Writing::Ended(_) => Outcome::Gone,
        }
    }

    /// Answers the request without the application, and ends the connection.
    pub fn refuse(&mut self, response: &ErrorResponse, out: &mut Vec<u8>, now: &Moment) -> Outcome {
        let request = match self.writing {
            Writing::Owed { request, .. } => request,
            Writing::Body { encoder, .. } => return self.cut_short(encoder, now),
            Writing::Idle | Writing::Ended(_) => return Outcome::Gone,
        };
        self.error_body_bytes = response.write(request, server_fields(&self.rules, now), out);
        match self.reading {
            Reading::Open => self.end(Ending::Linger), // the body is still arriving
            Reading::Buffering | Reading::Closed => self.response_ended(Persistence::Close, now),
        }
        Outcome::Refused { status: response.status() }
    }

    /// Ends a response without further bytes. The connection is closed, because a reset could destroy
    /// bytes that the client has not yet read; only a body that the end of the connection delimits
    /// would look complete then, and is reset (RFC 9112 §8).
    fn cut_short(&mut self, encoder: BodyEncoder, now: &Moment) -> Outcome {
        if encoder == BodyEncoder::UntilClose {
            self.end(Ending::Reset);
            return Outcome::Cut;
        }
        self.response_ended(Persistence::Close, now);
        if encoder.is_whole() { Outcome::Complete } else { Outcome::Cut }
    }

    /// Whether the end of the connection delimits the current response, or the last one. Cut short,
    /// such a response looks complete unless the connection is reset.
    pub fn is_delimited_by_close(&self) -> bool {
        self.is_delimited_by_close
    }

    /// Rejects a client that has not sent a request, because the server is overloaded. The response
    /// has no content, which is right for whatever method the client will have sent.
    pub fn reject_overloaded(&mut self, response: &ErrorResponse, out: &mut Vec<u8>, now: &Moment) {
        response.write_without_content(Version::Http11, server_fields(&self.rules, now), out);
        self.error_body_bytes = 0;
        self.end(Ending::Linger);
    }

    /// After a complete response, the next request may be read, or the connection ends.
    fn response_ended(&mut self, persistence: Persistence, now: &Moment) {
        match (persistence, self.reading) {
            (Persistence::KeepAlive, Reading::Buffering) => {
                self.reading = Reading::Open;
                self.writing = Writing::Idle;
                self.deadlines.idle(&self.rules.timeouts, now.instant);
            }
            // Unread input would turn a close into a reset.
            _ if self.pipelined.len() > self.pipelined_start => self.end(Ending::Linger),
            _ => self.end(Ending::Close),
        }
    }
}
