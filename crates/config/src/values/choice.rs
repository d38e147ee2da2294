//! Settings that are one of a few words.

use std::fmt;
use std::path::PathBuf;

/// What happens to a connection beyond `connection-limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectionLimitAction {
    /// Close the idlest keep-alive connection to make room, else answer 503 with `Retry-After`.
    #[default]
    Reject,
    /// Stop accepting until a connection ends; newcomers wait in the kernel's backlog.
    Wait,
}

/// Where the request identifier of `environ["maitred.request_id"]` comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// There is none.
    #[default]
    Off,
    /// `X-Request-ID` of a trusted proxy is passed on; there is none otherwise.
    Pass,
    /// As [`RequestId::Pass`], and one is made up when no trusted proxy sent any.
    Generate,
}

/// How a record of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// One line for a person.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The least severe record that is still logged. A greater one logs more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what looks wrong.
    Warning,
    /// And what happened: start, drain, stop.
    #[default]
    Info,
    /// And what was decided, connection by connection.
    Debug,
    /// And every step on the way.
    Trace,
}

/// Where the access log goes.
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

/// What a line of the access log says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum AccessLogFormat {
    /// The Common Log Format: `%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s`.
    Common,
    /// The Common Log Format, then referrer and user agent.
    #[default]
    Combined,
    /// One JSON object a line.
    Json,
    /// A pattern of `%(name)s` fields, as gunicorn's.
    Pattern(String),
}
