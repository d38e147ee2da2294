//! The format of an access log line: a pattern of fields in the style of gunicorn and Apache, or
//! JSON. `common` and `combined` are predefined patterns.
//!
//! Values that a client controls cannot end a line, break out of their quotes or control a
//! terminal: quotes, backslashes and everything but visible ASCII are escaped.

use std::io::Write as _;
use std::time::SystemTime;

use maitred_config::AccessLogFormat;
use maitred_http_parser::RequestHead;

use super::{Entry, json};
use crate::telemetry::calendar::Utc;
use crate::telemetry::counters::seconds;
use crate::telemetry::upstream::trace_id;

const COMMON: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s"#;
const COMBINED: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#;

/// Why a pattern is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A percent sign that is not part of `%(name)s` or `%%`.
    #[error("a `%` must begin a field, as in `%(h)s`, or be doubled, not `{0}`")]
    Percent(String),
    /// An unknown field.
    #[error(
        "unknown field `%({0})s`: the fields are {known}, and request fields such as \
         `%({{accept}}i)s`",
        known = names()
    )]
    Unknown(String),
}

/// The format of lines.
#[derive(Debug)]
pub(super) enum Format {
    Json,
    Pattern(Vec<Piece>),
}

/// A part of a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Field(Field),
    /// A field of the request, by its lower-case name.
    RequestField(String),
}

/// Declares the fields: the name and the meaning.
macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A field of a pattern.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),*];
        }
    };
}

fields! {
    /// The client: REMOTE_ADDR.
    Client = "h",
    /// The identity of RFC 1413, which is not queried: always `-`.
    Identity = "l",
    /// The user: always `-`, because authentication is the application's.
    User = "u",
    /// The time when the request ended.
    Time = "t",
    /// The request line.
    RequestLine = "r",
    /// The method.
    Method = "m",
    /// The path.
    Path = "U",
    /// The query.
    Query = "q",
    /// The protocol.
    Protocol = "H",
    /// The status.
    Status = "s",
    /// Bytes of the response body.
    Bytes = "B",
    /// The same, or `-` for zero.
    BytesOrDash = "b",
    /// The Referer field.
    Referer = "f",
    /// The User-Agent field.
    UserAgent = "a",
    /// Whole seconds from the first byte to the last.
    Seconds = "T",
    /// The same in milliseconds.
    Milliseconds = "M",
    /// The same in microseconds.
    Microseconds = "D",
    /// The same in seconds with fractions.
    ExactSeconds = "L",
    /// The process ID, as in gunicorn.
    ProcessUsage = "p",
    /// The other end of the socket, which may be a proxy.
    Peer = "peer",
    /// The requested host.
    Host = "host",
    /// Seconds that the application took.
    AppSeconds = "app",
    /// Seconds in the queue.
    QueueSeconds = "queue",
    /// The worker thread.
    Thread = "thread",
    /// The request ID.
    RequestId = "request_id",
    /// The trace of the `traceparent` field.
    TraceId = "trace_id",
    /// How the request ended: `complete`, `cut`, or the stage at which the client disconnected.
    Result = "result",
}

fn names() -> String {
    let names: Vec<_> = Field::ALL.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

impl Format {
    pub(super) fn of(format: &AccessLogFormat) -> Result<Self, FormatError> {
        let pattern = match format {
            AccessLogFormat::Json => return Ok(Self::Json),
            AccessLogFormat::Common => COMMON,
            AccessLogFormat::Combined => COMBINED,
            AccessLogFormat::Pattern(pattern) => pattern,
        };
        parse(pattern).map(Self::Pattern)
    }

    /// Appends a line, without its end.
    /// The request ended at `wall`.
    pub(super) fn write(&self, out: &mut Vec<u8>, entry: &Entry, wall: SystemTime) {
        let pieces = match self {
            Self::Json => return json::write(out, entry, wall),
            Self::Pattern(pieces) => pieces,
        };
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Field(field) => field.write(out, entry, wall),
                Piece::RequestField(name) => or_dash(out, entry.record.request_field(name)),
            }
        }
    }
}

fn parse(pattern: &str) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(after) = behind.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let field = behind.strip_prefix('(').and_then(|inner| inner.split_once(")s"));
        let Some((name, after)) = field else {
            return Err(FormatError::Percent(rest[at..].chars().take(16).collect()));
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(field_of(name)?);
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn field_of(name: &str) -> Result<Piece, FormatError> {
    if let Some(header) = name.strip_prefix('{').and_then(|name| name.strip_suffix("}i")) {
        return Ok(Piece::RequestField(header.to_ascii_lowercase()));
    }
    let field = Field::ALL.iter().find(|(known, _)| *known == name);
    field
        .map(|(_, field)| Piece::Field(*field))
        .ok_or_else(|| FormatError::Unknown(name.chars().take(32).collect()))
}

impl Field {
    fn write(self, out: &mut Vec<u8>, entry: &Entry, wall: SystemTime) {
        let Entry { record, ended_at } = entry;
        let head = record.head.as_deref();
        let took = ended_at.saturating_duration_since(record.received_at);
        // Writing to a Vec cannot fail.
        let _ = match self {
            Self::Client => return escape(out, record.client_address().as_bytes()),
            Self::Peer => return escape(out, record.client.peer.host.as_bytes()),
            Self::Identity | Self::User => write!(out, "-"),
            Self::Time => return Utc::of(wall).write_common(out),
            Self::RequestLine => return request_line(out, head),
            Self::Method => return or_dash(out, head.map(|head| head.method().as_bytes())),
            Self::Path => return or_dash(out, head.map(RequestHead::path)),
            Self::Query => return escape(out, head.map(RequestHead::query).unwrap_or_default()),
            Self::Protocol => {
                write!(out, "{}", head.map_or("-", |head| head.version().as_str()))
            }
            Self::Status => write!(out, "{}", record.code()),
            Self::BytesOrDash if record.response_body_bytes == 0 => write!(out, "-"),
            Self::Bytes | Self::BytesOrDash => write!(out, "{}", record.response_body_bytes),
            Self::Referer => return or_dash(out, record.request_field("referer")),
            Self::UserAgent => return or_dash(out, record.request_field("user-agent")),
            Self::Seconds => write!(out, "{}", took.as_secs()),
            Self::Milliseconds => write!(out, "{}", took.as_millis()),
            Self::Microseconds => write!(out, "{}", took.as_micros()),
            Self::ExactSeconds => write!(out, "{:.6}", seconds(took)),
            Self::ProcessUsage => write!(out, "<{}>", std::process::id()),
            Self::Host => return or_dash(out, head.and_then(RequestHead::host)),
            Self::AppSeconds => duration(out, record.answered_in().map(seconds)),
            Self::QueueSeconds => duration(out, record.queued_for().map(seconds)),
            Self::Thread => match record.thread {
                Some(thread) => write!(out, "maitred-{thread}"),
                None => write!(out, "-"),
            },
            Self::RequestId => {
                return or_dash(out, record.request_id.as_deref().map(str::as_bytes));
            }
            Self::TraceId => {
                let trace = record.request_field("traceparent").and_then(trace_id);
                return or_dash(out, trace.map(str::as_bytes));
            }
            Self::Result => write!(out, "{}", record.result_name()),
        };
    }
}

fn duration(out: &mut Vec<u8>, seconds: Option<f64>) -> std::io::Result<()> {
    match seconds {
        Some(seconds) => write!(out, "{seconds:.6}"),
        None => write!(out, "-"),
    }
}

fn request_line(out: &mut Vec<u8>, head: Option<&RequestHead>) {
    let Some(head) = head else { return out.push(b'-') };
    escape(out, head.method().as_bytes());
    out.push(b' ');
    escape(out, head.target());
    out.push(b' ');
    out.extend_from_slice(head.version().as_str().as_bytes());
}

fn or_dash(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) if !value.is_empty() => escape(out, value),
        _ => out.push(b'-'),
    }
}

/// Appends `bytes`, escaping everything except visible ASCII, and quotes and backslashes.
fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
        let (plain, byte) = (&rest[..at], rest[at]);
        rest = &rest[at + 1..];
        out.extend_from_slice(plain);
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digit = |value: u8| DIGITS[usize::from(value)];
                out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(rest);
}

/// Whether a byte is written without escaping.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_taken_apart_into_text_and_fields() {
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(
            parse(r"%(h)s 100%% %({X-Real}i)s."),
            Ok(vec![
                Piece::Field(Field::Client),
                text(" 100% "),
                Piece::RequestField("x-real".into()),
                text("."),
            ])
        );
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_there_is() {
        assert_eq!(parse("%h"), Err(FormatError::Percent("%h".into())));
        assert_eq!(parse("50%"), Err(FormatError::Percent("%".into())));
        let error = parse("%(x)s").expect_err("there is no field x").to_string();
        assert!(
            error.starts_with("unknown field `%(x)s`: the fields are h, l, u, t, r,"),
            "{error}"
        );
    }

    #[test]
    fn every_field_has_a_name_of_its_own() {
        for (at, (name, _)) in Field::ALL.iter().enumerate() {
            assert!(Field::ALL[..at].iter().all(|(other, _)| other != name), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_leave_their_line_or_their_quotes(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)
        ) {
            let mut out = Vec::new();
            escape(&mut out, &bytes);
            assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~')));
            // Every quote has an odd number of backslashes before it, and so is no end.
            let mut is_escaped = false;
            for byte in out {
                assert!(byte != b'"' || is_escaped);
                is_escaped = byte == b'\\' && !is_escaped;
            }
        }
    }
}
