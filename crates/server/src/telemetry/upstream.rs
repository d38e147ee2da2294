//! Request metadata from a proxy, besides the client's address: the request's identifier
//! (X-Request-ID), the time it arrived at the proxy (X-Request-Start), and its trace (traceparent,
//! W3C Trace Context).
//!
//! The first two are accepted only from trusted proxies: a client that names its own request could
//! make it look like another's. The trace is logged, and passed to the application unchanged.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use maitred_config::RequestId;
use maitred_http_parser::RequestHead;

/// Bytes of an identifier that a proxy may give.
const ID_BYTES_MAX: usize = 128;

/// What a request may have waited in front of us. More is a clock that is wrong.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// Gives requests their names.
#[derive(Debug)]
pub(crate) struct RequestIds {
    rule: RequestId,
    seed: RandomState,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(rule: RequestId) -> Self {
        Self { rule, seed: RandomState::new(), next: AtomicU64::new(0) }
    }

    /// The name of a request.
    pub(crate) fn of(&self, head: &RequestHead, is_from_trusted: bool) -> Option<Arc<str>> {
        if self.rule == RequestId::Off {
            return None;
        }
        let given = if is_from_trusted { head.field("x-request-id") } else { None };
        match given.and_then(name) {
            Some(name) => Some(name.into()),
            None if self.rule == RequestId::Generate => Some(self.make_up()),
            None => None,
        }
    }

    /// 128 bits in hexadecimal. They are unique, not secret: a keyed hash of a counter.
    fn make_up(&self) -> Arc<str> {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let half = |which: u8| {
            let mut hasher = self.seed.build_hasher();
            hasher.write_u64(count);
            hasher.write_u8(which);
            hasher.finish()
        };
        format!("{:016x}{:016x}", half(0), half(1)).into()
    }
}

/// A name that may stand in logs and go on to others.
fn name(value: &[u8]) -> Option<&str> {
    let is_fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let is_name = (1..=ID_BYTES_MAX).contains(&value.len()) && value.iter().all(is_fine);
    if is_name { std::str::from_utf8(value).ok() } else { None }
}

/// For how long a request had been waiting in front of us when it came, at `came`, by
/// X-Request-Start: a time since 1970 in seconds, milliseconds or microseconds, which its size
/// tells apart, with or without `t=` in front.
pub(crate) fn waited_upstream(value: &[u8], came: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?;
    let number: f64 = text.strip_prefix("t=").unwrap_or(text).parse().ok()?;
    let since_epoch = match number {
        number if !(1e8..1e17).contains(&number) => return None,
        micros if micros >= 1e14 => micros / 1e6,
        millis if millis >= 1e11 => millis / 1e3,
        seconds => seconds,
    };
    let came = came.duration_since(UNIX_EPOCH).ok()?;
    let began = Duration::try_from_secs_f64(since_epoch).ok()?;
    // Clocks of two machines differ by a little: nothing has waited for less than nothing.
    Some(came.saturating_sub(began).min(WAIT_MAX))
}

/// The trace of a `traceparent` value: `00-` 32 hexadecimal digits `-` 16 of them `-` 2. A later
/// version may have more behind; `ff` is none.
pub(crate) fn trace_id(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && !is_zero(trace)
        && is_hex(span, 16)
        && !is_zero(span)
        && is_hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    is_valid.then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_read_in_seconds_milliseconds_and_microseconds() {
        let came = UNIX_EPOCH + Duration::from_millis(1_512_379_167_824);
        for value in [
            "t=1512379167.574",
            "1512379167.574",
            "1512379167574",
            "t=1512379167574",
            "1512379167574000",
            "t=1512379167574000",
        ] {
            let waited = waited_upstream(value.as_bytes(), came).expect("a time").as_secs_f64();
            assert!((waited - 0.25).abs() < 1e-5, "{value}: {waited}");
        }
    }

    #[test]
    fn a_start_that_makes_no_sense_is_bounded_or_none() {
        let came = UNIX_EPOCH + Duration::from_secs(1_512_379_167);
        assert_eq!(waited_upstream(b"t=1512379999", came), Some(Duration::ZERO));
        assert_eq!(waited_upstream(b"t=1412379999", came), Some(WAIT_MAX));
        for value in ["", "t=", "t=now", "12", "-1512379167", "inf", "nan", "1e300"] {
            assert_eq!(waited_upstream(value.as_bytes(), came), None, "{value}");
        }
    }

    #[test]
    fn a_trace_is_taken_from_a_valid_traceparent_only() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let valid = format!("00-{trace}-b7ad6b7169203331-01");
        assert_eq!(trace_id(valid.as_bytes()), Some(trace));
        assert_eq!(
            trace_id(format!("01-{trace}-b7ad6b7169203331-01-more").as_bytes()),
            Some(trace)
        );
        for invalid in [
            String::new(),
            format!("ff-{trace}-b7ad6b7169203331-01"),
            format!("00-{trace}-b7ad6b7169203331-01-more"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
            format!("00-{trace}-b7ad6b7169203331"),
        ] {
            assert_eq!(trace_id(invalid.as_bytes()), None, "{invalid}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert_eq!(name(b"a-B_9.z"), Some("a-B_9.z"));
        for bad in [&b""[..], b"a b", b"a\"b", b"a,b", b"\xff", &[b'a'; 129]] {
            assert_eq!(name(bad), None);
        }
    }

    #[test]
    fn names_that_are_made_up_are_different_and_hexadecimal() {
        let names = RequestIds::new(RequestId::Generate);
        let (first, second) = (names.make_up(), names.make_up());
        assert_ne!(first, second);
        assert!(first.len() == 32 && first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
