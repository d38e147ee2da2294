//! The head of a request: one buffer that holds it as received, and places in that buffer.
//!
//! It owns its bytes, because an application's thread reads it while the connection goes on, and
//! it is shared, because the access log wants it once more at the end.

use super::Version;
use super::head_buffer::HeadBuffer;
use super::span::Span;
use super::target::{Scheme, Target};

/// How long the body of a request is, and how that is known (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// Neither Content-Length nor Transfer-Encoding: there is no body.
    None,
    /// As many bytes as Content-Length says; possibly zero.
    Length(u64),
    /// Chunks, until one of size zero.
    Chunked,
}

/// A request head that has passed every rule.
#[derive(Debug)]
pub struct RequestHead {
    pub(crate) buffer: HeadBuffer,
    pub(crate) method: Span,
    pub(crate) target: Target,
    pub(crate) version: Version,
    pub(crate) framing: BodyFraming,
    pub(crate) wants_close: bool,
    pub(crate) wants_keep_alive: bool,
    pub(crate) expects_continue: bool,
}

impl RequestHead {
    /// The method: a token, as received.
    pub fn method(&self) -> &str {
        std::str::from_utf8(self.buffer.slice(self.method)).unwrap_or_default()
    }

    /// The same as bytes, for whoever only compares it.
    pub fn method_token(&self) -> &[u8] {
        self.buffer.slice(self.method)
    }

    /// The request target as received: visible ASCII.
    pub fn target(&self) -> &[u8] {
        self.buffer.slice(self.target.whole)
    }

    /// The scheme of an absolute-form target. `https` is for a trusted proxy to say, and for
    /// [`crate::forwarded::resolve`] to judge.
    pub fn target_scheme(&self) -> Option<Scheme> {
        self.target.scheme
    }

    /// The path of the target, still percent-encoded, without the query; `*` in asterisk form, and
    /// `/` where an absolute-form target has none (RFC 9110 §4.2.3).
    pub fn path(&self) -> &[u8] {
        match self.buffer.slice(self.target.path) {
            [] => b"/",
            path => path,
        }
    }

    /// The query, without its question mark, as received; empty when there is none.
    pub fn query(&self) -> &[u8] {
        self.buffer.slice(self.target.query)
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Who the request is for: the authority of an absolute-form target, else the Host field.
    pub fn host(&self) -> Option<&[u8]> {
        match self.target.authority {
            Some(authority) => Some(self.buffer.slice(authority)),
            None => self.field("host"),
        }
    }

    /// Name and value of every field line, in order, as received; values are trimmed of SP and
    /// HTAB. Where an absolute-form target has an authority, it stands in place of Host's value.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.buffer.fields().map(|field| {
            let name = self.buffer.slice(field.name);
            let value = match self.target.authority {
                Some(authority) if name.eq_ignore_ascii_case(b"host") => authority,
                _ => field.value,
            };
            (name, self.buffer.slice(value))
        })
    }

    /// The value of the first field line of that name, without regard to case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Bytes of memory that it takes.
    pub fn held_bytes(&self) -> usize {
        self.buffer.held_bytes() + size_of::<Self>()
    }

    /// How the body's end is known.
    pub fn framing(&self) -> BodyFraming {
        self.framing
    }

    /// Whether a Connection field has the `close` token, in any line, in any case.
    pub fn wants_close(&self) -> bool {
        self.wants_close
    }

    /// Whether a Connection field has the `keep-alive` token, which HTTP/1.0 clients need.
    pub fn wants_keep_alive(&self) -> bool {
        self.wants_keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }
}
