//! The head of a response. It is rendered as it is built, and cannot hold anything invalid.
//!
//! The application's status and fields are validated here and nowhere else. A line break would
//! allow response splitting (RFC 9112 §11.1), an application must not set hop-by-hop fields
//! (PEP 3333, "Other HTTP Features"), and a second Content-Length could contradict the first.

use super::headers::{is_name, is_token, is_value, trim_ows};
use crate::fault::ApplicationFault;

/// A valid response head: a status line and field lines, in the application's order and spelling.
/// `encode` adds the server's fields (Date, Server, framing, Connection).
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// `HTTP/1.1 200 OK\r\n` and `Name: value\r\n` lines, without the empty line.
    lines: Vec<u8>,
    status: u16,
    content_length: Option<Declared>,
    has_date: bool,
    has_server: bool,
}

/// The application's Content-Length: its value, and the position of its line.
#[derive(Clone, Copy, Debug)]
struct Declared {
    value: u64,
    line_start: usize,
    line_end: usize,
}

/// The initial capacity: enough for a common head and a small body appended to it, so that both
/// need only one allocation.
const LINES_CAPACITY: usize = 512;

/// Hop-by-hop fields (RFC 9110 §7.6.1), which only the server may set.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl ResponseHead {
    /// Starts a head with a status such as `200 OK`: three digits, a space and a reason, in
    /// latin-1 (PEP 3333, "The start_response() Callable"). An interim status (1xx) is rejected: the
    /// client would wait for the final response, and take the next one for it (RFC 9110 §15.2).
    ///
    /// # Errors
    /// [`ApplicationFault::BadStatus`] if it has another form, or contains control characters.
    pub fn new(status: &[u8]) -> Result<Self, ApplicationFault> {
        let code = match status {
            [a @ b'2'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', reason @ ..]
                if is_value(reason) =>
            {
                u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0')
            }
            _ => return Err(ApplicationFault::BadStatus(shown(status))),
        };
        let mut lines = Vec::with_capacity(LINES_CAPACITY);
        lines.extend_from_slice(b"HTTP/1.1 ");
        lines.extend_from_slice(status);
        lines.extend_from_slice(b"\r\n");
        Ok(Self { lines, status: code, content_length: None, has_date: false, has_server: false })
    }

    /// Adds a field line.
    ///
    /// # Errors
    /// The name is not a token, the value contains control characters, the field is hop-by-hop, or
    /// it is a Content-Length that is not digits or already present.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), ApplicationFault> {
        if !is_token(name) {
            return Err(ApplicationFault::BadFieldName(shown(name)));
        }
        if !is_value(value) {
            return Err(ApplicationFault::BadFieldValue(shown(name)));
        }
        let line_start = self.lines.len();
        let line_end = line_start + name.len() + value.len() + 4;
        self.note(name, value, line_start, line_end)?;
        self.lines.reserve(line_end - line_start);
        self.lines.extend_from_slice(name);
        self.lines.extend_from_slice(b": ");
        self.lines.extend_from_slice(value);
        self.lines.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Records the fields that the server evaluates. Comparing lengths first excludes most others.
    fn note(
        &mut self,
        name: &[u8],
        value: &[u8],
        line_start: usize,
        line_end: usize,
    ) -> Result<(), ApplicationFault> {
        match name.len() {
            4 if is_name(name, b"date") => self.has_date = true,
            6 if is_name(name, b"server") => self.has_server = true,
            14 if is_name(name, b"content-length") => {
                if self.content_length.is_some() {
                    return Err(ApplicationFault::RepeatedContentLength);
                }
                let value = digits(value)
                    .ok_or_else(|| ApplicationFault::BadContentLength(shown(value)))?;
                self.content_length = Some(Declared { value, line_start, line_end });
            }
            2 | 7 | 10 | 16..=19
                if HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop.as_bytes())) =>
            {
                return Err(ApplicationFault::HopByHop(shown(name)));
            }
            _ => {}
        }
        Ok(())
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of the last field with this name, in any case.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        // A value has no line break.
        let lines = self.lines.split(|&byte| byte == b'\n').skip(1);
        let fields = lines.filter_map(|line| {
            let (found, value) = line.split_at_checked(name.len())?;
            found.eq_ignore_ascii_case(name).then(|| value.strip_prefix(b":")).flatten()
        });
        fields.last().map(|value| trim_ows(value.strip_suffix(b"\r").unwrap_or(value)))
    }

    /// The Content-Length that the application declared, if any.
    pub fn content_length(&self) -> Option<u64> {
        self.content_length.map(|declared| declared.value)
    }

    /// Whether a response with this status never has a body: 204 and 304 (RFC 9112 §6.3).
    pub(crate) fn is_bodiless(&self) -> bool {
        matches!(self.status, 204 | 304)
    }

    /// Replaces the declared length with the actual one, for a file that is shorter.
    pub fn correct_content_length(&mut self, value: u64) {
        self.remove_content_length();
        let line_start = self.lines.len();
        self.lines.extend_from_slice(format!("Content-Length: {value}\r\n").as_bytes());
        let line_end = self.lines.len();
        self.content_length = Some(Declared { value, line_start, line_end });
    }

    /// Removes the Content-Length, where it must not be sent (RFC 9110 §8.6).
    pub(crate) fn remove_content_length(&mut self) {
        if let Some(declared) = self.content_length.take() {
            self.lines.drain(declared.line_start..declared.line_end);
        }
    }

    /// Whether the application set Date.
    pub(crate) fn has_date(&self) -> bool {
        self.has_date
    }

    /// Whether the application set Server.
    pub(crate) fn has_server(&self) -> bool {
        self.has_server
    }

    /// The rendered lines, for `encode` to finish.
    pub(crate) fn into_lines(self) -> Vec<u8> {
        self.lines
    }
}

/// 1*DIGIT that fits 64 bits (RFC 9110 §8.6).
fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |sum, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// At most 64 bytes of the application's text, escaped for a log line.
fn shown(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(64)
        .flat_map(|&byte| std::ascii::escape_default(byte))
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Result<ResponseHead, ApplicationFault> {
        let mut head = ResponseHead::new(b"200 OK")?;
        for (name, value) in fields {
            head.push(name.as_bytes(), value.as_bytes())?;
        }
        Ok(head)
    }

    #[test]
    fn a_line_break_never_gets_into_a_head() {
        for bad in ["a\r\nInjected: 1", "a\nb", "a\rb", "a\0b"] {
            assert!(head(&[("X", bad)]).is_err(), "{bad:?}");
            assert!(head(&[(bad, "x")]).is_err(), "{bad:?}");
            assert!(ResponseHead::new(format!("200 {bad}").as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_status_is_three_digits_a_space_and_a_reason_and_never_interim() {
        for bad in ["", "200", "20 OK", "2000 OK", "099 X", "OK 200", " 200 OK", "100 Continue"] {
            assert!(ResponseHead::new(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert_eq!(ResponseHead::new(b"404 Not Found").unwrap().status(), 404);
        assert_eq!(ResponseHead::new(b"200 ").unwrap().status(), 200);
    }

    #[test]
    fn hop_by_hop_fields_are_the_servers_alone() {
        for name in HOP_BY_HOP {
            let shouted = name.to_uppercase();
            assert_eq!(
                head(&[(&shouted, "x")]).unwrap_err(),
                ApplicationFault::HopByHop(shouted.clone())
            );
        }
    }

    #[test]
    fn a_content_length_is_digits_and_stands_there_once() {
        assert!(head(&[("Content-Length", "1"), ("content-length", "1")]).is_err());
        for bad in ["", "-1", "1 ", "0x1", "18446744073709551616"] {
            assert!(head(&[("Content-Length", bad)]).is_err(), "{bad:?}");
        }
        assert_eq!(head(&[("Content-Length", "007")]).unwrap().content_length(), Some(7));
    }

    #[test]
    fn the_last_field_of_a_name_is_found_in_any_case() {
        let head = head(&[("X-A", "1"), ("Location", "http://a:1/"), ("x-a", " 2:3 ")]).unwrap();
        assert_eq!(head.field(b"x-A"), Some(&b"2:3"[..]));
        assert_eq!(head.field(b"location"), Some(&b"http://a:1/"[..]));
        assert_eq!(head.field(b"x-b"), None);
        assert_eq!(head.field(b"HTTP/1.1 200 OK"), None);
    }

    #[test]
    fn a_corrected_length_replaces_the_declared_line() {
        let mut head = head(&[("A", "1"), ("Content-Length", "99"), ("B", "2")]).unwrap();
        head.correct_content_length(5);
        let lines = String::from_utf8(head.into_lines()).unwrap();
        assert_eq!(lines, "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nContent-Length: 5\r\n");
    }
}
