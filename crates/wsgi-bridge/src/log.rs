//! The events that the bridge logs. The implementation of [`Log`] decides where they go (standard
//! error, Python's `logging`, JSON).

use maitred_http_parser::RequestHead;
use maitred_http_parser::fault::Stage;
use pyo3::PyErr;

/// Receives text that a program writes to its error output.
pub trait ErrorLines: Send + Sync {
    /// One line or several, without the last line end. Called from a thread that is attached to the
    /// interpreter, so it may use Python, and should not block.
    fn written(&self, text: &str);

    /// Waits until the lines so far have been written, as long as that is worth waiting for. Called
    /// from a thread that is not attached to the interpreter.
    fn flush(&self);

    /// Whether the text is shown where colours are.
    fn shows_colours(&self) -> bool {
        false
    }
}

/// Receives the exceptions and the error output of applications.
///
/// Its methods are called from a thread that is attached to the interpreter, so they may use Python,
/// and should not block.
pub trait Log: ErrorLines {
    /// A worker thread has started, and is this one.
    fn thread_started(&self) {}

    /// The application raised an exception. Also used for counting, by stage.
    fn raised(&self, raised: &Raised<'_>);

    /// The GIL has been enabled, which was disabled when the application was loaded. May be told
    /// several times.
    fn gil_enabled(&self) {}

    /// Another message for the operator, in one line.
    fn noted(&self, level: Level, text: &str);
}

/// An exception raised by the application.
#[derive(Clone, Copy, Debug)]
pub struct Raised<'a> {
    /// The stage in which it was raised.
    pub stage: Stage,
    /// The request.
    pub head: &'a RequestHead,
    /// The request ID.
    pub request_id: Option<&'a str>,
    /// The exception itself. Keeping it keeps its frames and their local variables alive.
    pub error: &'a PyErr,
    /// The name of its class, such as `ValueError`.
    pub exception: &'a str,
    /// The traceback as Python prints it, with only the frames of the application: several lines,
    /// including the last line end.
    pub traceback: &'a str,
}

/// The severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something should be changed.
    Warning,
    /// A request was lost.
    Error,
}
