//! The handle of a running server: stops it, waits for it, and reports its state.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::Notify;

use crate::state::ServerState;
use crate::sweep;
use crate::watch::Watch;

/// A running server. Clones are handles of the same server.
#[derive(Debug)]
pub struct Running {
    control: Arc<Control>,
    /// The number of nudges that this handle has seen. Each handle has its own count, so that every
    /// waiting thread sees every nudge.
    seen: AtomicU64,
}

impl Clone for Running {
    fn clone(&self) -> Self {
        Self {
            control: Arc::clone(&self.control),
            seen: AtomicU64::new(self.seen.load(Ordering::Relaxed)),
        }
    }
}

/// Why [`Running::wait`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The server has stopped and released everything.
    Stopped,
    /// [`Running::nudge`] was called.
    Nudged,
}

/// The stages of stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serve,
    Drain,
    Kill,
}

/// The state that the handles and the I/O thread of a server share.
#[derive(Debug)]
pub(crate) struct Control {
    watch: Mutex<Option<Watch>>,
    state: Mutex<State>,
    changed: Condvar,
    /// Notifies the I/O thread of a new stage.
    told: Notify,
    pub(crate) server: Arc<ServerState>,
    /// Starts tasks on the I/O thread.
    #[cfg(windows)]
    tasks: tokio::runtime::Handle,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    stopped: bool,
    /// The number of nudges.
    nudges: u64,
    io: Option<JoinHandle<()>>,
}

impl Control {
    pub(crate) fn new(
        server: Arc<ServerState>,
        watch: Watch,
        #[cfg(windows)] tasks: tokio::runtime::Handle,
    ) -> Self {
        Self {
            watch: Mutex::new(Some(watch)),
            state: Mutex::new(State { stage: Stage::Serve, stopped: false, nudges: 0, io: None }),
            changed: Condvar::new(),
            told: Notify::new(),
            server,
            #[cfg(windows)]
            tasks,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, stage: Stage) {
        let mut state = self.state();
        state.stage = state.stage.max(stage);
        drop(state);
        self.told.notify_waiters();
    }

    /// Waits until the server has reached this stage.
    pub(crate) async fn reached(&self, stage: Stage) {
        loop {
            let mut told = std::pin::pin!(self.told.notified());
            told.as_mut().enable();
            if self.state().stage >= stage {
                return;
            }
            told.await;
        }
    }

    /// Stops the watch, and waits until its thread has ended.
    pub(crate) fn end_watch(&self) {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(watch);
    }

    /// Everything has ended: wakes all that wait.
    pub(crate) fn stopped(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }
}

impl Running {
    /// The first handle of a server whose I/O thread has been started.
    pub(crate) fn new(control: Arc<Control>, io: JoinHandle<()>) -> Self {
        control.state().io = Some(io);
        Self { control, seen: AtomicU64::new(0) }
    }

    /// Drains the server: requests in progress are finished, up to graceful-timeout.
    pub fn drain(&self) {
        self.control.advance(Stage::Drain);
    }

    /// Stops immediately: requests in progress are aborted.
    pub fn kill(&self) {
        self.control.advance(Stage::Kill);
    }

    /// The number of open client connections.
    pub fn connections(&self) -> usize {
        self.control.server.registry.len()
    }

    /// Blocks until the server has stopped, or is nudged.
    pub fn wait(&self) -> Waited {
        let mut state = self.control.state();
        loop {
            if state.stopped {
                let io = state.io.take();
                drop(state);
                if let Some(io) = io {
                    // It has already reported its end; a panic has already been printed.
                    let _ = io.join();
                }
                return Waited::Stopped;
            }
            if self.seen.swap(state.nudges, Ordering::Relaxed) != state.nudges {
                return Waited::Nudged;
            }
            state = self.control.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs all periodic checks now: the sweep and the watch. For tests that advance the clock.
    pub fn tick(&self) {
        sweep::sweep(&self.control.server);
        if let Some(watch) = &*self.control.watch.lock().unwrap_or_else(PoisonError::into_inner) {
            watch.look();
        }
    }

    /// Runs a task on the I/O thread for as long as the server runs.
    #[cfg(windows)]
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.control.tasks.spawn(task);
    }

    /// Reopens the access log, after its file has been moved.
    pub fn reopen_logs(&self) {
        self.control.server.shared.telemetry.reopen_logs();
    }

    /// Makes [`Running::wait`] return once for each handle, so that the waiting thread can do
    /// something else.
    pub fn nudge(&self) {
        self.control.state().nudges += 1;
        self.control.changed.notify_all();
    }
}
