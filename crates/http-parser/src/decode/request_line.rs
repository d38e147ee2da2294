//! The request line (RFC 9112 §3): method, target and version, with exactly one space between.
//!
//! Two parsers that split a line differently see two different requests, so no other white space
//! is taken for a space, and none is skipped.

use super::steps;
use crate::limits::Limits;
use crate::message::Version;
use crate::message::headers::is_token;
use crate::message::span::Span;
use crate::message::target::Target;
use crate::rejection::Rejection;

/// A request line that has passed every rule, at the start of its head.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestLine {
    pub(super) method: Span,
    pub(super) target: Target,
    pub(super) version: Version,
}

impl RequestLine {
    /// Parses a whole line, without its CRLF.
    pub(super) fn parse(line: &[u8]) -> Result<Self, Rejection> {
        let (method, rest) = split_at_space(line).ok_or(Rejection::RequestLine)?;
        if !is_token(method) {
            return Err(Rejection::RequestLine);
        }
        let (target, version) = split_at_space(rest).ok_or(Rejection::RequestLine)?;
        let version = match version {
            b"HTTP/1.1" => Version::Http11,
            b"HTTP/1.0" => Version::Http10,
            // RFC 9112 §2.3: one digit, a dot, one digit; anything else is no version at all.
            [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
                return Err(Rejection::Version);
            }
            _ => return Err(Rejection::RequestLine),
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

/// Refuses what cannot become a valid request line before all of it has come, and method and
/// target that are too long. Never looks at more than a method's bytes twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Outlook {
    /// The method has not ended yet.
    #[default]
    Method,
    /// The target starts here, and is within its limit so far.
    Target(usize),
    /// Nothing can be too long any more but the head.
    Settled,
}

impl Outlook {
    /// Judges `line`, the beginning of a request line or all of it.
    pub(super) fn judge(&mut self, line: &[u8], limits: &Limits) -> Result<(), Rejection> {
        if let Self::Method = self {
            let window = line.get(..=limits.method_bytes).unwrap_or(line);
            steps::count(window.len());
            match window.iter().position(|&byte| byte == b' ') {
                Some(at) => *self = Self::Target(at + 1),
                None if window.len() > limits.method_bytes => return Err(Rejection::MethodTooLong),
                None => {}
            }
        }
        if let Self::Target(start) = *self {
            let target = line.get(start..).unwrap_or_default();
            if let Some(window) = target.get(..=limits.target_bytes) {
                steps::count(window.len());
                memchr::memchr(b' ', window).ok_or(Rejection::TargetTooLong)?;
                *self = Self::Settled;
            }
        }
        Ok(())
    }
}
