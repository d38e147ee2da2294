//! The head of a request: one buffer with the bytes as received, and spans in that buffer.
//!
//! It owns its bytes, because an application thread reads it independently of the connection. It is
//! shared with the access log, which needs it at the end.

use super::Version;
use super::head_buffer::HeadBuffer;
use super::span::Span;
use super::target::{Scheme, Target};

/// How the length of a request body is determined (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// Neither Content-Length nor Transfer-Encoding: there is no body.
    None,
    /// The value of Content-Length, possibly zero.
    Length(u64),
    /// Chunked, up to a chunk of size zero.
    Chunked,
}

/// A valid request head.
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
    /// The whole head as received, from the request line to the empty line.
    pub fn received(&self) -> &[u8] {
        self.buffer.received()
    }

    /// The method: a token, as received.
    pub fn method(&self) -> &str {
        std::str::from_utf8(self.buffer.slice(self.method)).unwrap_or_default()
    }

    /// The method as bytes, for comparisons.
    pub fn method_token(&self) -> &[u8] {
        self.buffer.slice(self.method)
    }

    /// The request target as received: visible ASCII.
    pub fn target(&self) -> &[u8] {
        self.buffer.slice(self.target.whole)
    }

    /// The scheme of an absolute-form target. [`crate::forwarded::resolve`] accepts `https` only if
    /// a trusted proxy reports it.
    pub(crate) fn target_scheme(&self) -> Option<Scheme> {
        self.target.scheme
    }

    /// The path of the target, percent-encoded as received, without the query. It is `*` in
    /// asterisk-form, and `/` if an absolute-form target has no path (RFC 9110 §4.2.3).
    pub fn path(&self) -> &[u8] {
        match self.buffer.slice(self.target.path) {
            [] => b"/",
            path => path,
        }
    }

    /// The query as received, without the question mark; empty if there is none.
    pub fn query(&self) -> &[u8] {
        self.buffer.slice(self.target.query)
    }

    /// HTTP/1.0 or HTTP/1.1.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The requested host: the authority of an absolute-form target, otherwise the Host field.
    pub fn host(&self) -> Option<&[u8]> {
        match self.target.authority {
            Some(authority) => Some(self.buffer.slice(authority)),
            None => self.field("host"),
        }
    }

    /// Name and value of every field line, in order, as received; values are trimmed of SP and
    /// HTAB. The authority of an absolute-form target replaces the value of Host.
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

    /// The value of the first field line with that name (case-insensitive).
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Its size in memory, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.buffer.held_bytes() + size_of::<Self>()
    }

    /// How the length of the body is determined.
    pub fn framing(&self) -> BodyFraming {
        self.framing
    }

    /// Whether any Connection line has the `close` option (case-insensitive).
    pub(crate) fn wants_close(&self) -> bool {
        self.wants_close
    }

    /// Whether any Connection line has the `keep-alive` option, which HTTP/1.0 clients need.
    pub(crate) fn wants_keep_alive(&self) -> bool {
        self.wants_keep_alive
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }
}
