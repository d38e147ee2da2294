//! The port to the program around the supervisor, which starts processes that this crate knows
//! nothing of: to processes what `Application::start_worker` is to threads.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use super::facts::{ReloadResult, StartFailure, StartReason, Wanted};
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
    /// The reload for which settings were read has begun: processes that start from now on get them.
    ReloadBegun,
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

    /// Reads the settings again for a reload. Nothing has them before [`Event::ReloadBegun`]. `None` if
    /// they are invalid, which has been logged.
    fn reload(&mut self) -> Option<NewOptions>;

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

/// How a worker process is treated: by the settings that it was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// How long it may not react; `None` is for ever.
    pub worker_timeout: Option<Duration>,
    /// The most connections that all workers may have.
    pub connection_limit: usize,
    /// When it is replaced.
    pub recycling: Recycling,
}

/// What a reload brings.
#[derive(Clone, Debug)]
pub struct NewOptions {
    /// How many workers there are to be, and how long they may take.
    pub wanted: Wanted,
    /// How new workers are treated.
    pub of_worker: WorkerOptions,
    /// What the status page shows of the settings when the reload is complete.
    pub settings: serde_json::Value,
}

/// What the supervisor needs to know.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// How many workers there are to be, and how long they may take.
    pub wanted: Wanted,
    /// How workers are treated that are started now.
    pub of_worker: WorkerOptions,
    /// How many may import at once.
    pub cpus: usize,
    /// Whether workers are forked from a process that has imported the application.
    pub preload: bool,
    /// What follows when the first worker cannot become ready.
    pub start_failure: StartFailure,
    /// How long a new process has to stay ready before the old one retires.
    pub settle: Duration,
    /// Whose children are reaped.
    pub reaping: Reaping,
    /// Where memory is created if there is none without a file.
    pub temp_dir: PathBuf,
}
