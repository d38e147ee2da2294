//! Parses the request line (RFC 9112 §3): method, target and version, separated by single spaces.
//!
//! Parsers that split a line differently see different requests. So no other white space counts as a
//! space, and none is skipped.

use super::{cost, other_protocol};
use crate::limits::Limits;
use crate::message::Version;
use crate::message::headers::is_token;
use crate::message::span::Span;
use crate::message::target::Target;
use crate::rejection::Rejection;

/// A valid request line. Its spans refer to the head.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLine {
    pub(super) method: Span,
    pub(super) target: Target,
    pub(super) version: Version,
}

impl RequestLine {
    /// Parses a whole line, without its CRLF.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Rejection> {
        let malformed = || other_protocol::by_line(line);
        let (method, rest) = split_at_space(line).ok_or_else(malformed)?;
        if !is_token(method) {
            return Err(malformed());
        }
        let (target, version) = split_at_space(rest).ok_or_else(malformed)?;
        let version = match version {
            b"HTTP/1.1" => Version::Http11,
            b"HTTP/1.0" => Version::Http10,
            // RFC 9112 §2.3: a version is one digit, a dot, and one digit.
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(other_protocol::by_version(method, target, version));
            }
            _ => return Err(malformed()),
        };
        if method == b"CONNECT" {
            return Err(Rejection::Connect);
        }
        let target = Target::parse(method, target, method.len() + 1)?;
        Ok(Self { method: Span::at(0, method.len()), target, version })
    }
}

fn split_at_space(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b' ', bytes)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// Rejects a method or target that is too long before the line is complete. It never scans more than
/// the bytes of a method twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum RequestLineLimits {
    /// The method is incomplete.
    #[default]
    Method,
    /// The target begins at this offset, and is within its limit so far.
    Target(usize),
    /// Method and target are within their limits.
    Settled,
}

impl RequestLineLimits {
    /// Checks `line`, which is a request line or the beginning of one.
    pub(super) fn judge(&mut self, line: &[u8], limits: &Limits) -> Result<(), Rejection> {
        if let Self::Method = self {
            let window = line.get(..=limits.method_bytes).unwrap_or(line);
            cost::count(window.len());
            match window.iter().position(|&byte| byte == b' ') {
                Some(at) => *self = Self::Target(at + 1),
                None if window.len() > limits.method_bytes => return Err(Rejection::MethodTooLong),
                None => {}
            }
        }
        if let Self::Target(start) = *self {
            let target = line.get(start..).unwrap_or_default();
            if let Some(window) = target.get(..=limits.target_bytes) {
                cost::count(window.len());
                memchr::memchr(b' ', window).ok_or(Rejection::TargetTooLong)?;
                *self = Self::Settled;
            }
        }
        Ok(())
    }
}
