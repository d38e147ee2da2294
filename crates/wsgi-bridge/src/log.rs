//! The events that the bridge logs. The implementation of [`Log`] decides where they go (standard
//! error, Python's `logging`, JSON).

use maitred_http_parser::RequestHead;
use maitred_http_parser::fault::Stage;
use pyo3::PyErr;

/// Receives what applications write and do wrong.
///
/// Every method is called from a thread that is attached to the interpreter, so it may use Python,
/// and should not block.
pub trait Log: Send + Sync {
    /// The application raised. Also for counting, by stage.
    fn raised(&self, raised: &Raised<'_>);

    /// A line that the application wrote to `wsgi.errors`, without its line end.
    fn written(&self, line: &str);

    /// Something else that the operator should know, in one line.
    fn noted(&self, level: Level, text: &str);

    /// A request had a field with an underscore in its name, which was dropped. For counting: the
    /// log line, once for each name, comes by [`Log::noted`].
    fn field_dropped(&self) {}
}

/// An exception that left the application.
#[derive(Clone, Copy, Debug)]
pub struct Raised<'a> {
    /// Where it was raised.
    pub stage: Stage,
    /// In answer to which request.
    pub head: &'a RequestHead,
    /// What the request is called in logs.
    pub request_id: Option<&'a str>,
    /// The exception itself. Whoever keeps it keeps the frames that it came through, and all that is
    /// in them.
    pub error: &'a PyErr,
    /// The name of its class, such as `ValueError`.
    pub exception: &'a str,
    /// As Python prints it: the frames of the application only, several lines, with the last line
    /// end.
    pub traceback: &'a str,
}

/// How much attention something wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// None: it may explain something later.
    Info,
    /// Something should be changed some day.
    Warning,
    /// A request was lost.
    Error,
}
