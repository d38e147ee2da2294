//! What the application says, and what goes to the client for it.
//!
//! The rules of framing are in `encode/`; here is the order: a head once, then the body, then the
//! end, and what becomes of the connection after it.

use super::{Connection, Ending, Moment, Persistence, Reading, Writing, persistence, stamp};
use crate::encode::framing::{self, Asked};
use crate::encode::{BodyEncoder, Frame, Refusal, head};
use crate::fault::ApplicationFault;
use crate::message::{ResponseHead, Version};

/// How a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Whole, as the application meant it.
    Complete,
    /// Whole, but the application wrote this many bytes more than it declared, which were left out.
    Long {
        /// How many were left out.
        excess: u64,
    },
    /// Whole as far as the client can tell, but the application wrote this many bytes fewer than
    /// it declared: the connection ends, which tells the client.
    Short {
        /// How many are missing.
        missing: u64,
    },
    /// The application failed before the head had gone: the client gets a refusal.
    Refused {
        /// Its status.
        status: u16,
    },
    /// The response was given up after its head had gone: the connection is reset.
    Cut,
    /// There was nobody to answer any more.
    Gone,
}

impl Connection {
    /// Whether a head may still be given: a request waits for its answer.
    pub fn is_owed(&self) -> bool {
        matches!(self.writing, Writing::Owed { .. })
    }

    /// Whether all that was declared of the response under way has been given, though its end has
    /// not: the client needs nothing more.
    pub fn is_whole(&self) -> bool {
        matches!(&self.writing, Writing::Body { encoder, .. } if encoder.is_whole())
    }

    /// Whether the response under way has no body, whatever is given of one: its head was all that
    /// the client gets (RFC 9110 §9.3.2, §15.3.5, §15.4.5).
    pub fn has_no_body(&self) -> bool {
        matches!(&self.writing, Writing::Body { encoder: BodyEncoder::Forbidden, .. })
    }

    /// Appends the head of the response to `out`. `known` is the length of the whole body, where
    /// that is known without having been declared. Does nothing when no response is owed.
    pub fn respond(
        &mut self,
        mut response: ResponseHead,
        known: Option<u64>,
        out: &mut Vec<u8>,
        now: &Moment,
    ) {
        let Writing::Owed { asked, persistence: wished } = self.writing else { return };
        let framing = framing::decide(&mut response, asked, known);
        let persistence = persistence::after_response(wished, &framing.encoder);
        let stamp = stamp(&self.rules, now);
        head::finish(response, asked, framing.announce, persistence, stamp, out);
        self.writing = Writing::Body { encoder: framing.encoder, persistence };
    }

    /// How the next `length` bytes of the body go out. `None` when no body is under way.
    pub fn frame(&mut self, length: u64) -> Option<Frame> {
        match &mut self.writing {
            Writing::Body { encoder, .. } => Some(encoder.frame(length)),
            Writing::Idle | Writing::Owed { .. } | Writing::Ended(_) => None,
        }
    }

    /// Ends the response, for which a head has been given.
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

    /// Gives the response up for the application's mistake.
    pub fn fail(&mut self, fault: ApplicationFault, out: &mut Vec<u8>, now: &Moment) -> Outcome {
        match self.writing {
            Writing::Owed { .. } => {
                let detail = match fault {
                    ApplicationFault::Raised { detail, .. } => detail,
                    _ => None,
                };
                self.refuse(&Refusal::Failed { detail }, out, now)
            }
            Writing::Body { encoder, .. } => self.cut_short(encoder, now),
            Writing::Idle | Writing::Ended(_) => Outcome::Gone,
        }
    }

    /// Answers a request without the application, and ends the connection.
    pub fn refuse(&mut self, refusal: &Refusal, out: &mut Vec<u8>, now: &Moment) -> Outcome {
        let asked = match self.writing {
            Writing::Owed { asked, .. } => asked,
            Writing::Body { encoder, .. } => return self.cut_short(encoder, now),
            Writing::Idle | Writing::Ended(_) => return Outcome::Gone,
        };
        self.refusal_body_bytes = refusal.write(asked, stamp(&self.rules, now), out);
        match self.reading {
            Reading::Open => self.end(Ending::Linger), // the body is still on its way
            Reading::Held | Reading::Closed => self.response_ended(Persistence::Close, now),
        }
        Outcome::Refused { status: refusal.status() }
    }

    /// Nothing follows what has gone of a response. Where that is all of it, the connection is
    /// closed, because a reset could only take away what the client has.
    fn cut_short(&mut self, encoder: BodyEncoder, now: &Moment) -> Outcome {
        if encoder.is_whole() {
            self.response_ended(Persistence::Close, now);
            Outcome::Complete
        } else {
            self.end(Ending::Reset);
            Outcome::Cut
        }
    }

    /// Turns away a client that has not asked anything yet: there is no room for it.
    pub fn turn_away(&mut self, refusal: &Refusal, out: &mut Vec<u8>, now: &Moment) {
        let asked = Asked { is_head: false, version: Version::Http11 };
        self.refusal_body_bytes = refusal.write(asked, stamp(&self.rules, now), out);
        self.end(Ending::Linger);
    }

    /// The joint rule of both directions: a response is complete, so the next request may be read,
    /// or the connection ends.
    fn response_ended(&mut self, persistence: Persistence, now: &Moment) {
        match (persistence, self.reading) {
            (Persistence::KeepAlive, Reading::Held) => {
                self.reading = Reading::Open;
                self.writing = Writing::Idle;
                self.deadlines.idle(&self.rules.timeouts, now.instant);
            }
            // What came after the last request is unread, and would turn a close into a reset.
            _ if self.ahead.len() > self.ahead_start => self.end(Ending::Linger),
            _ => self.end(Ending::Close),
        }
    }
}
