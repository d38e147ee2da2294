//! The threads that answer: what an application's worker asks of the server ([`Exchanges`]), and what
//! the server asks of an application ([`Application`], [`Worker`]).
//!
//! The server decides how many workers there are and which of them takes a request; the application
//! decides what a worker is.

use std::sync::Arc;
use std::time::Duration;

use super::Exchange;

/// Supplies worker threads with requests.
///
/// A worker calls [`Exchanges::try_next`] in a loop, and [`Exchanges::wait`] when that returns
/// nothing. `try_next` never blocks, so a worker may keep the lock of its interpreter between two
/// requests; `wait` is called without that lock. A worker takes an exchange only while it holds the
/// lock, so that no exchange waits for the lock while another worker could serve it.
pub trait Exchanges: Send + Sync {
    /// The next exchange, if one waits.
    fn try_next(&self) -> Option<Exchange>;

    /// Blocks until `try_next` should be called, or the worker should end.
    fn wait(&self) -> Wake;

    /// Whether this worker has served for so long without a pause that it should let other threads
    /// of the interpreter run before it continues.
    fn should_yield(&self) -> bool;

    /// Wakes a worker that sleeps for [`Wake::Housekeeping`], or lets it do that before it would sleep.
    /// May be called on any thread.
    fn housekeep(&self, _who: Housekeeper) {}

    /// The interpreter's GIL has been enabled, for good: the workers share it from now on. May be told
    /// several times.
    fn gil_enabled(&self) {}

    /// The worker's thread has ended, by a panic or because it could not begin: nothing is to be
    /// left to it any more, and the server starts another in its place. Need not be told after
    /// [`Wake::Closed`].
    fn thread_ended(&self) {}
}

/// Who does what [`Wake::Housekeeping`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Housekeeper {
    /// Only the worker that is supplied by these [`Exchanges`].
    ThisWorker,
    /// Whichever sleeps, or would sleep next.
    AnyWorker,
}

/// Why [`Exchanges::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wake {
    /// An exchange may be waiting.
    Work,
    /// Do periodic work, such as dropping objects that other threads have left for this one, then
    /// wait again.
    Housekeeping,
    /// There are no more exchanges: end the thread.
    Closed,
}

/// Answers exchanges.
pub trait Application: Send + Sync {
    /// Starts a worker thread (a Python thread for WSGI, a std thread in tests), which takes
    /// `exchanges` until [`Wake::Closed`]. The server decides how many there are, and when a stuck
    /// one is replaced.
    ///
    /// # Errors
    /// The thread cannot be started.
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError>;
}

/// A running worker thread.
pub trait Worker: Send + Sync {
    /// Whether it has ended. Never blocks, and does not need the interpreter.
    fn is_finished(&self) -> bool;

    /// The request that it serves has taken too long, and may never end: what is left for this thread
    /// to do is for the others from now on. Never blocks, and does not need the interpreter.
    fn timed_out(&self) {}

    /// The stack of the application in this thread, innermost call last.
    ///
    /// # Errors
    /// It is not available within `patience` because another thread does not release the GIL, or the
    /// thread runs no application code.
    fn stack(&self, patience: Duration) -> Result<String, StackUnavailable>;
}

/// A worker thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start worker thread `{name}`: {reason}")]
pub struct StartError {
    /// The name of the thread.
    pub name: String,
    /// The reason.
    pub reason: String,
}

/// Why the stack of a thread is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StackUnavailable {
    /// The interpreter did not answer in time.
    #[error("the interpreter is busy: its lock was not available in time")]
    Busy,
    /// The thread has ended, or runs no application code.
    #[error("the thread runs no application code")]
    NotRunning,
}
