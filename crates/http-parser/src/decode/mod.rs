//! Decodes bytes into requests.
//!
//! The decoder is given input as it arrives, split in any way, and returns its meaning: a head,
//! parts of the body, the end of the request. It keeps only incomplete input, so the decoder of an
//! idle connection holds no buffer.

mod body;
mod chunked;
pub(crate) mod cost;
mod fields;
mod framing;
mod head;
mod lines;
mod other_protocol;
mod request_line;
mod singletons;
mod trailer;

use std::sync::Arc;

use body::BodyReader;
use head::HeadReader;

use crate::limits::Limits;
use crate::message::RequestHead;
use crate::rejection::Rejection;

/// The meaning of the decoded bytes.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// All bytes were consumed or kept; more are needed.
    Incomplete,
    /// A valid head. Its body follows, if it has one, then [`Decoded::End`].
    Head(Arc<RequestHead>),
    /// The next bytes of the body, without the chunked coding; never empty.
    Body(&'a [u8]),
    /// The request is complete. The next call reads the next request.
    End,
    /// The request is rejected. Nothing after it is read.
    Rejected(Rejection),
}

/// The position of a decoder in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Between two requests: no byte of the next one has arrived, except possibly empty lines.
    Between,
    /// Within a head, or within an empty line before it.
    Head,
    /// Within a body, including its chunked coding.
    Body,
    /// After a rejection.
    Rejected,
}

/// Decodes the requests of one connection, one after the other.
#[derive(Debug)]
pub struct Decoder {
    limits: Arc<Limits>,
    state: State,
    /// Whether the last head, complete or refused, was of a HEAD request.
    is_head_method: bool,
}

#[derive(Debug)]
enum State {
    Head(HeadReader),
    Body(BodyReader),
    /// What is known of the head stays, if it was a head that was refused.
    Rejected(Rejection, Option<Box<RequestHead>>),
}

impl Decoder {
    /// A decoder for a new connection.
    pub fn new(limits: Arc<Limits>) -> Self {
        Self { limits, state: State::Head(HeadReader::default()), is_head_method: false }
    }

    /// Consumes bytes from the front of `input` and returns their meaning. Call it until it returns
    /// [`Decoded::Incomplete`]. After [`Decoded::End`], the caller decides when to read the next
    /// request, and keeps the rest of `input` until then. After [`Decoded::Rejected`], it consumes
    /// nothing, and always returns the same rejection.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Decoded<'a> {
        let decoded = match &mut self.state {
            State::Head(reader) => {
                let read = reader.read(input, &self.limits);
                self.is_head_method = reader.is_head_method();
                match read {
                    Ok(Some(head)) => {
                        self.state = State::Body(BodyReader::new(head.framing()));
                        Ok(Decoded::Head(head))
                    }
                    Ok(None) => Ok(Decoded::Incomplete),
                    Err(rejection) => Err(rejection),
                }
            }
            State::Body(reader) => reader.read(input, &self.limits),
            State::Rejected(rejection, _) => Err(*rejection),
        };
        match decoded {
            Ok(Decoded::End) => {
                self.state = State::Head(HeadReader::default());
                Decoded::End
            }
            Ok(decoded) => decoded,
            Err(rejection) => {
                let known = self.known_head(input);
                self.state = State::Rejected(rejection, known.map(Box::new));
                Decoded::Rejected(rejection)
            }
        }
    }

    /// The number of body bytes still to come, if Content-Length gives it. They may be received
    /// directly into the body's buffer and reported with [`Decoder::body_received`].
    pub fn body_remaining(&self) -> Option<u64> {
        match &self.state {
            State::Body(BodyReader::Length(left)) => Some(*left),
            _ => None,
        }
    }

    /// Reports that the next `count` bytes of the body were received directly. `count` is at most
    /// [`Decoder::body_remaining`]; if it is equal, the next `decode` returns `End`.
    pub fn body_received(&mut self, count: u64) {
        if let State::Body(BodyReader::Length(left)) = &mut self.state {
            debug_assert!(count <= *left, "received {count} bytes of a body with {left} to come");
            *left = left.saturating_sub(count);
        }
    }

    /// The position of the decoder.
    pub fn progress(&self) -> Progress {
        match &self.state {
            State::Head(reader) if reader.is_untouched() => Progress::Between,
            State::Head(_) => Progress::Head,
            State::Body(_) => Progress::Body,
            State::Rejected(..) => Progress::Rejected,
        }
    }

    /// The input that has been consumed and belongs to no complete head: the empty lines before one,
    /// and its beginning. Another decoder that is given these bytes continues as this one would.
    /// `None` within a body, and after a rejection.
    pub fn unfinished(&self) -> Option<[&[u8]; 2]> {
        match &self.state {
            State::Head(reader) => Some(reader.unfinished()),
            State::Body(_) | State::Rejected(..) => None,
        }
    }

    /// Whether the request that is being read, or was refused, has HEAD as its method: the answer
    /// has no content then, not even that of a refusal (RFC 9110 §9.3.2). False while it is unknown.
    pub(crate) fn is_head_method(&self) -> bool {
        self.is_head_method
    }

    /// What is known of a head that was refused or has not come whole, for the log: its request
    /// line, where that has passed every rule, and no field. It is no request to be answered. Given
    /// once for a head that was refused.
    pub fn take_known_head(&mut self) -> Option<RequestHead> {
        self.known_head(&[])
    }

    /// The same, where `unread` is what was given last.
    fn known_head(&mut self, unread: &[u8]) -> Option<RequestHead> {
        match &mut self.state {
            State::Head(reader) => reader.known(unread),
            State::Body(_) => None,
            State::Rejected(_, known) => known.take().map(|known| *known),
        }
    }

    /// Bytes of memory held for an incomplete head or trailer section.
    pub fn held_bytes(&self) -> usize {
        match &self.state {
            State::Head(reader) => reader.held_bytes(),
            State::Body(BodyReader::Chunked(reader)) => reader.held_bytes(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests;
