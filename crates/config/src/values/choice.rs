//! The types of settings with a fixed set of values.

/// What happens to a connection above `connection-limit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectionLimitAction {
    /// Close the longest-idle keep-alive connection, or answer 503 with `Retry-After` if none is
    /// idle.
    #[default]
    Reject,
    /// Stop accepting until a connection ends; new connections wait in the kernel's backlog.
    Wait,
}

/// The source of the request ID in `environ["maitred.request_id"]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RequestId {
    /// There is none.
    #[default]
    Off,
    /// `X-Request-ID` from a trusted proxy; otherwise, there is none.
    Pass,
    /// Like [`RequestId::Pass`]; otherwise, one is generated.
    Generate,
}

/// The format of log records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// One line for a person.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// The minimum severity of log records. A greater level logs more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// Also suspicious conditions.
    Warning,
    /// Also events: start, drain, stop.
    #[default]
    Info,
    /// Also decisions about single connections.
    Debug,
    /// Also every step.
    Trace,
}
