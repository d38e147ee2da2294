//! The port to the program around the supervisor, which starts processes that this crate knows
//! nothing of: to processes what `Application::start_worker` is to threads.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use super::facts::{ReloadResult, StartFailure, StartReason};
use super::recycling::Recycling;
use crate::system::child::ExitStatus;

/// The process that is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartOrder {
    /// Its number.
    pub number: usize,
    /// How many processes were started before it.
    pub generation: u64,
    /// Why.
    pub reason: StartReason,
}

/// What the supervisor tells the program around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server is ready for the first time.
    Ready,
    /// The server drains.
    Draining,
    /// The first worker could not become ready, and starts again at the next reload.
    AwaitsReload,
    /// A reload has ended, or was refused.
    ReloadEnded(ReloadResult),
}

/// The program around the supervisor, which starts processes that this crate knows nothing of.
pub trait WorkerProcesses {
    /// Starts a worker, with its end of the control socket. Returns its pid.
    ///
    /// # Errors
    /// It cannot be started.
    fn start(&mut self, order: &StartOrder, control: OwnedFd) -> io::Result<u32>;

    /// Starts a process that imports the application, to fork workers from, with its end of the control
    /// socket. Returns its pid.
    ///
    /// # Errors
    /// It cannot be started.
    fn start_mold(&mut self, control: OwnedFd) -> io::Result<u32>;

    /// A process that it started, or a worker that was forked, has ended and has been reaped.
    fn reaped(&mut self, pid: u32, status: ExitStatus);

    /// Reads the settings again for a reload; workers that start from now on get the new ones.
    /// Returns how many workers there are to be; `None` if the settings are invalid, which has been
    /// logged.
    fn reload(&mut self) -> Option<usize>;

    /// Something has happened.
    fn happened(&mut self, event: Event);

    /// Called whenever the thread was woken: runs the handlers of signals that have arrived.
    fn attend(&mut self);
}

/// Whose children are reaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaping {
    /// All of them: the process is the server's, and may be process 1 of a container.
    Everybody,
    /// Only the workers: the other children are the program's.
    Workers,
}

/// What the supervisor needs to know.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// How many workers there are to be.
    pub workers: usize,
    /// How many may import at once.
    pub cpus: usize,
    /// Whether workers are forked from a process that has imported the application.
    pub preload: bool,
    /// What follows when the first worker cannot become ready.
    pub start_failure: StartFailure,
    /// From the start of a process until it must be ready.
    pub start_timeout: Duration,
    /// How long a new process has to stay ready before the old one retires.
    pub settle: Duration,
    /// From readiness failing until the listeners close.
    pub drain_delay: Duration,
    /// From then on until what runs is cut off.
    pub graceful_timeout: Duration,
    /// How long a worker may not react; `None` is for ever.
    pub worker_timeout: Option<Duration>,
    /// The most connections that all of them may have.
    pub connection_limit: usize,
    /// When workers are replaced.
    pub recycling: Recycling,
    /// Whose children are reaped.
    pub reaping: Reaping,
    /// Where memory is created if there is none without a file.
    pub temp_dir: PathBuf,
}
