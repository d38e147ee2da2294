//! The forms of a request target (RFC 9112 §3.2), and the authority in a target or Host field.
//!
//! A target is visible ASCII without a fragment; the allowed forms depend on the method. It is not
//! decoded or normalised: the application handles an invalid percent-escape or a `..`, and changing
//! it could make two hops see different resources.

use std::net::Ipv6Addr;

use super::byte_set::ByteSet;
use super::span::Span;
use crate::rejection::Rejection;

/// The scheme of an absolute-form target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `http://…`
    Http,
    /// `https://…`, accepted only if a trusted proxy reports it (RFC 9110 §7.4).
    Https,
}

/// A parsed request target. All spans refer to the buffer of the head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) whole: Span,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) authority: Option<Span>,
    pub(crate) path: Span,
    pub(crate) query: Span,
}

impl Target {
    /// Parses `target`, which begins at `start` in the head's buffer. Authority-form is not handled:
    /// only CONNECT uses it (RFC 9112 §3.2.3), which is rejected earlier.
    pub(crate) fn parse(method: &[u8], target: &[u8], start: usize) -> Result<Self, Rejection> {
        if !target.iter().fold(true, |fine, &byte| fine & is_target_byte(byte)) {
            return Err(Rejection::Target);
        }
        let whole = Span::at(start, target.len());
        match target {
            [b'/', ..] => Ok(Self::with_path(None, None, target, start, whole)),
            // RFC 9112 §3.2.4: asterisk-form is only for OPTIONS.
            b"*" if method == b"OPTIONS" => Ok(Self {
                whole,
                scheme: None,
                authority: None,
                path: whole,
                query: Span::default(),
            }),
            _ => Self::absolute(target, start, whole),
        }
    }

    /// Parses absolute-form, `http://authority/path?query` (RFC 9112 §3.2.2).
    fn absolute(target: &[u8], start: usize, whole: Span) -> Result<Self, Rejection> {
        let (scheme, prefix) = if starts_with(target, b"http://") {
            (Scheme::Http, 7)
        } else if starts_with(target, b"https://") {
            (Scheme::Https, 8)
        } else {
            return Err(Rejection::Target);
        };
        let rest = target.get(prefix..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        match split_authority(authority) {
            // RFC 9110 §4.2.1: an http URI without a host is invalid. Userinfo (§4.2.4) is
            // rejected because `@` is not allowed in a host.
            Some((host, _)) if !host.is_empty() => {}
            _ => return Err(Rejection::Target),
        }
        let authority = Span::at(start + prefix, length);
        let start = start + prefix + length;
        Ok(Self::with_path(Some(scheme), Some(authority), path, start, whole))
    }

    fn with_path(
        scheme: Option<Scheme>,
        authority: Option<Span>,
        path: &[u8],
        start: usize,
        whole: Span,
    ) -> Self {
        let (path, query) = match memchr::memchr(b'?', path) {
            Some(mark) => (
                Span::at(start, mark),
                Span::at(start + mark + 1, path.len().saturating_sub(mark + 1)),
            ),
            None => (Span::at(start, path.len()), Span::default()),
        };
        Self { whole, scheme, authority, path, query }
    }
}

/// Whether `byte` may be part of a request target: visible ASCII except `#`, because a fragment is
/// never sent (RFC 9110 §4.2.5). Bytes that RFC 3986 requires to be encoded, such as `|`, are
/// accepted: browsers send them, and they are not delimiters.
const fn is_target_byte(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && byte != b'#'
}

/// Whether `bytes` begins with the lower-case `prefix`, ignoring case.
fn starts_with(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Host and port of `uri-host [":" port]` (RFC 9110 §7.2, RFC 3986 §3.2.2), or `None` if it is
/// invalid. The host may be empty and keeps its brackets; the port may be empty.
pub(crate) fn split_authority(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let length = match authority {
        [b'[', ..] => memchr::memchr(b']', authority)? + 1,
        _ => memchr::memchr(b':', authority).unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at_checked(length)?;
    let port = match rest {
        [] => None,
        [b':', port @ ..] if port.iter().all(u8::is_ascii_digit) => Some(port),
        _ => return None,
    };
    let valid = match host {
        [b'[', literal @ .., b']'] => is_ip_literal(literal),
        _ => is_reg_name(host),
    };
    valid.then_some((host, port))
}

/// Whether `literal` is valid between brackets: IPv6 or IPvFuture (RFC 3986 §3.2.2).
fn is_ip_literal(literal: &[u8]) -> bool {
    if let [b'v' | b'V', future @ ..] = literal {
        let mut parts = future.splitn(2, |&byte| byte == b'.');
        return matches!((parts.next(), parts.next()), (Some(version), Some(address))
            if !version.is_empty()
                && version.iter().all(u8::is_ascii_hexdigit)
                && !address.is_empty()
                && address.iter().all(|&byte| is_reg_name_byte(byte) || byte == b':'));
    }
    std::str::from_utf8(literal).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

/// Whether `name` is a reg-name or an IPv4 address: unreserved characters, sub-delims and
/// percent-escapes (RFC 3986 §3.2.2).
fn is_reg_name(name: &[u8]) -> bool {
    let mut rest = name;
    loop {
        let plain = rest.iter().position(|&byte| !is_reg_name_byte(byte)).unwrap_or(rest.len());
        rest = match rest.get(plain..) {
            Some([b'%', high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                after
            }
            rest => return rest.is_none_or(<[u8]>::is_empty),
        };
    }
}

/// Unreserved characters and sub-delims.
const fn is_reg_name_byte(byte: u8) -> bool {
    const REG_NAME: ByteSet = ByteSet::new(b"-._~!$&'()*+,;=").with_letters_and_digits();
    REG_NAME.contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, target: &str) -> Option<(Option<String>, String, String)> {
        let parsed = Target::parse(method.as_bytes(), target.as_bytes(), 0).ok()?;
        let text = |span: Span| String::from_utf8(span.of(target.as_bytes()).to_vec()).unwrap();
        Some((parsed.authority.map(text), text(parsed.path), text(parsed.query)))
    }

    #[test]
    fn a_path_keeps_its_slashes_and_a_query_its_question_marks() {
        assert_eq!(parts("GET", "//a//b?c?d"), Some((None, "//a//b".into(), "c?d".into())));
    }

    #[test]
    fn an_absolute_target_has_an_authority_and_perhaps_no_path() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts("GET", "HTTP://a:1/b?c"), Some((some("a:1"), "/b".into(), "c".into())));
        assert_eq!(parts("GET", "http://[::1]"), Some((some("[::1]"), "".into(), "".into())));
        assert_eq!(parts("GET", "http://a?b"), Some((some("a"), "".into(), "b".into())));
    }

    #[test]
    fn a_target_in_no_form_is_refused() {
        for target in [
            "",
            "a/b",
            "*",
            "a:80",
            "http:/a",
            "http://",
            "http:///a",
            "http://u@a/",
            "ftp://a/",
            "/a#b",
            "/a b",
            "/\u{e9}",
            "/\u{7f}",
            "http://a:8x/",
            "://a/",
            "https//a",
        ] {
            assert_eq!(parts("GET", target), None, "{target:?}");
        }
        assert_eq!(parts("OPTIONS", "*"), Some((None, "*".into(), "".into())));
        assert_eq!(parts("options", "*"), None);
        assert_eq!(parts("OPTIONS", "*a"), None);
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (authority, host, port) in [
            ("a.example", "a.example", None),
            ("a_b:8000", "a_b", Some("8000")),
            ("a:", "a", Some("")),
            ("", "", None),
            ("[::1]:99", "[::1]", Some("99")),
            ("[v1.a:b]", "[v1.a:b]", None),
            ("d%65v", "d%65v", None),
            ("127.0.0.1", "127.0.0.1", None),
        ] {
            let expected = Some((host.as_bytes(), port.map(str::as_bytes)));
            assert_eq!(split_authority(authority.as_bytes()), expected, "{authority}");
        }
        for bad in [
            "u@a",
            "a/b",
            "a b",
            "::1",
            "a:x",
            "a:1:2",
            "[::g]",
            "[::1",
            "[::1]x",
            "::1]",
            "a%zz",
            "a%4",
            "a|b",
            "\"a\"",
            "a?b",
            "[]",
            "[v.a]",
            "[v1.]",
            "[fe80::1%25eth0]",
            "a:+1",
        ] {
            assert_eq!(split_authority(bad.as_bytes()), None, "{bad}");
        }
    }
}
