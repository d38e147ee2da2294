//! The types of the access log settings: where it goes, and what its lines look like.
//!
//! The format is JSON, or a pattern of fields in the style of gunicorn and Apache; `common` and
//! `combined` are predefined patterns. A pattern is taken apart here, so that a field that does not
//! exist is an error in the settings, with its place, before anything is started.

use std::fmt;
use std::path::PathBuf;

use crate::raw_value::shortened;
use crate::suggestion::nearest;

const COMMON: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s"#;
const COMBINED: &str = r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#;

/// The destination of the access log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AccessLogTarget {
    /// Standard output, written `-`.
    Stdout,
    /// A file, appended to.
    File(PathBuf),
}

impl fmt::Display for AccessLogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("-"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The format of access log lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AccessLogFormat {
    /// One short line for a person at a terminal, with the local time.
    Console,
    /// One JSON object per line.
    Json,
    /// Text and fields, in this order.
    Pattern(Vec<AccessLogPiece>),
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AccessLogPiece {
    /// Text that is the same in every line.
    Text(String),
    /// A field.
    Field(AccessLogField),
    /// A field of the request, by its lower-case name: `%({user-agent}i)s`.
    RequestField(String),
    /// A field of the response as the application gave it, by its name: `%({location}o)s`.
    ResponseField(String),
    /// A variable of the environ after the application has run, by its name in any case:
    /// `%({REMOTE_USER}e)s`.
    EnvironVariable(String),
}

/// Declares the fields: the name and the meaning.
macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A field of a pattern.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AccessLogField {
            $($(#[$doc])* $variant,)*
        }

        impl AccessLogField {
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
    ProcessId = "p",
    /// The other end of the socket, which may be a proxy.
    Peer = "peer",
    /// The requested host.
    Host = "host",
    /// Seconds that the application took.
    AppSeconds = "app",
    /// Seconds in the queue.
    QueueSeconds = "queue",
    /// The number of the worker process, as in metrics.
    Worker = "w",
    /// The worker thread.
    Thread = "thread",
    /// The request ID.
    RequestId = "request_id",
    /// The trace of the `traceparent` field.
    TraceId = "trace_id",
    /// How the request ended: `complete`, `cut`, or the stage at which the client disconnected.
    Result = "result",
}

impl AccessLogFormat {
    /// The Common Log Format.
    pub fn common() -> Self {
        Self::predefined(COMMON)
    }

    /// The Common Log Format, followed by referrer and user agent.
    pub fn combined() -> Self {
        Self::predefined(COMBINED)
    }

    fn predefined(pattern: &str) -> Self {
        Self::Pattern(pieces(pattern).expect("a test takes the predefined patterns apart"))
    }

    /// The response fields that its lines show, one for each [`AccessLogPiece::ResponseField`], in
    /// their order.
    pub fn response_fields(&self) -> impl Iterator<Item = &str> {
        self.pieces().iter().filter_map(|piece| match piece {
            AccessLogPiece::ResponseField(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The environ variables that its lines show, one for each
    /// [`AccessLogPiece::EnvironVariable`], in their order.
    pub fn environ_variables(&self) -> impl Iterator<Item = &str> {
        self.pieces().iter().filter_map(|piece| match piece {
            AccessLogPiece::EnvironVariable(name) => Some(name.as_str()),
            _ => None,
        })
    }

    fn pieces(&self) -> &[AccessLogPiece] {
        match self {
            Self::Console | Self::Json => &[],
            Self::Pattern(pieces) => pieces,
        }
    }

    /// Parses `common`, `combined`, `console`, `json` or a pattern. The error says what would be
    /// correct, if that is known.
    pub fn parse(text: &str) -> Result<Self, Option<String>> {
        match text {
            "common" => return Ok(Self::common()),
            "combined" => return Ok(Self::combined()),
            "console" => return Ok(Self::Console),
            "json" => return Ok(Self::Json),
            _ => {}
        }
        if !text.contains("%(") || text.chars().any(char::is_control) {
            return Err(None);
        }
        pieces(text).map(Self::Pattern).map_err(Some)
    }
}

impl Default for AccessLogFormat {
    fn default() -> Self {
        Self::combined()
    }
}

/// The pieces of a pattern. The error says what would be correct.
fn pieces(pattern: &str) -> Result<Vec<AccessLogPiece>, String> {
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
        let field = behind.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        let field = field.and_then(|(name, after)| Some((name, after.strip_prefix('s')?)));
        let Some((name, after)) = field else {
            let start: String = rest[at..].chars().take(16).collect();
            return Err(format!(
                "a `%` begins a field, as in `%(h)s`, or is doubled; this one begins `{start}`"
            ));
        };
        if !text.is_empty() {
            pieces.push(AccessLogPiece::Text(std::mem::take(&mut text)));
        }
        pieces.push(piece(name)?);
        rest = after;
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(AccessLogPiece::Text(text));
    }
    Ok(pieces)
}

/// The piece for the field `%(name)s`.
fn piece(name: &str) -> Result<AccessLogPiece, String> {
    if let Some((field, kind)) = name.strip_prefix('{').and_then(|name| name.rsplit_once('}')) {
        match kind {
            "i" => return Ok(AccessLogPiece::RequestField(field.to_ascii_lowercase())),
            "o" => return Ok(AccessLogPiece::ResponseField(field.to_ascii_lowercase())),
            "e" => return Ok(AccessLogPiece::EnvironVariable(field.to_owned())),
            _ => {}
        }
    }
    let fields = AccessLogField::ALL;
    if let Some((_, field)) = fields.iter().find(|(known, _)| *known == name) {
        return Ok(AccessLogPiece::Field(*field));
    }
    let names = fields.iter().map(|(known, _)| *known);
    let unknown = format!("unknown field `%({})s`", shortened(name));
    Err(match nearest(name, names.clone().filter(|known| known.len() > 1)) {
        Some(right) => format!("{unknown}: did you mean `%({right})s`?"),
        None => format!(
            "{unknown}: the fields are {}, and request fields such as `%({{accept}}i)s`, response \
             fields such as `%({{location}}o)s` and environ variables such as `%({{REMOTE_USER}}e)s`",
            names.collect::<Vec<_>>().join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_taken_apart_into_text_and_fields() {
        let text = |text: &str| AccessLogPiece::Text(text.to_owned());
        assert_eq!(
            pieces(r"%(h)s 100%% %({X-Real}i)s%({X-A}o)s%({REMOTE_USER}e)s."),
            Ok(vec![
                AccessLogPiece::Field(AccessLogField::Client),
                text(" 100% "),
                AccessLogPiece::RequestField("x-real".into()),
                AccessLogPiece::ResponseField("x-a".into()),
                AccessLogPiece::EnvironVariable("REMOTE_USER".into()),
                text("."),
            ])
        );
        assert_eq!(pieces(""), Ok(Vec::new()));
    }

    #[test]
    fn predefined_formats_are_patterns_of_known_fields() {
        assert_ne!(AccessLogFormat::common(), AccessLogFormat::combined());
        assert_eq!(AccessLogFormat::parse("combined"), Ok(AccessLogFormat::default()));
    }

    #[test]
    fn an_unknown_field_is_refused_with_the_known_ones() {
        let hint = |pattern: &str| AccessLogFormat::parse(pattern).expect_err(pattern);
        for pattern in ["extended", "%h", "", "%(h)s\n"] {
            assert_eq!(hint(pattern), None, "{pattern:?}");
        }
        for (pattern, beginning) in [
            (
                "%(h)s 50%",
                "a `%` begins a field, as in `%(h)s`, or is doubled; this one begins `%`",
            ),
            ("%(h) %(r)s", "a `%` begins a field"),
            ("%(h", "a `%` begins a field"),
            ("%(x)s", "unknown field `%(x)s`: the fields are h, l, u, t, r,"),
            ("%({accept}x)s", "unknown field `%({accept}x)s`: the fields are h, l, u, t, r,"),
            ("%(request-id)s", "unknown field `%(request-id)s`: did you mean `%(request_id)s`?"),
        ] {
            let hint = hint(pattern).unwrap_or_default();
            assert!(hint.starts_with(beginning), "{pattern}: {hint}");
        }
    }

    #[test]
    fn every_field_has_a_name_of_its_own() {
        for (at, (name, _)) in AccessLogField::ALL.iter().enumerate() {
            assert!(AccessLogField::ALL[..at].iter().all(|(other, _)| other != name), "{name}");
        }
    }
}
