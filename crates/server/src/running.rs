//! The handle of a running server: stops it, waits for it, and reports its state.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::Notify;

use crate::state::ServerState;
use crate::sweep;
use crate::watch::Watch;

/// A server that runs. Clones are handles of the same one.
#[derive(Debug)]
pub struct Running {
    control: Arc<Control>,
    /// The nudges that this handle has seen: one that somebody else waits with has its own count, so
    /// that nobody takes another's.
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

/// What [`Running::wait`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The server has ended, and everything it had has been given back.
    Stopped,
    /// Somebody called [`Running::nudge`].
    Nudged,
}

/// How far a server is told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Serve,
    Drain,
    Kill,
}

/// What the handles and the I/O thread of one server share.
#[derive(Debug)]
pub(crate) struct Control {
    watch: Mutex<Option<Watch>>,
    state: Mutex<State>,
    changed: Condvar,
    /// Tells the I/O thread that the stage has changed.
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
    /// How often somebody has nudged.
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

    /// Waits until the server is told to go that far.
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

    /// Nobody is watched over any more. Waits until the thread that did has ended.
    pub(crate) fn end_watch(&self) {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(watch);
    }

    /// Everything has ended: whoever waits is told.
    pub(crate) fn stopped(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }
}

impl Running {
    /// The first handle of a server, whose I/O thread has been started.
    pub(crate) fn new(control: Arc<Control>, io: JoinHandle<()>) -> Self {
        control.state().io = Some(io);
        Self { control, seen: AtomicU64::new(0) }
    }

    /// Stops gracefully: nothing that has begun is lost, up to graceful-timeout.
    pub fn drain(&self) {
        self.control.advance(Stage::Drain);
    }

    /// Stops at once: what runs is cut off.
    pub fn kill(&self) {
        self.control.advance(Stage::Kill);
    }

    /// Whether the server has been told to stop.
    pub fn is_stopping(&self) -> bool {
        self.control.state().stage > Stage::Serve
    }

    /// How many client connections are open.
    pub fn connections(&self) -> usize {
        self.control.server.registry.len()
    }

    /// Blocks until the server has ended, or somebody nudges.
    pub fn wait(&self) -> Waited {
        let mut state = self.control.state();
        loop {
            if state.stopped {
                let io = state.io.take();
                drop(state);
                if let Some(io) = io {
                    // It has said that it is done, and has nothing to tell besides.
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

    /// Looks at the clock now, for everybody: what is done once a second, or when the next request
    /// is due, is done at once. For tests that put the clock forward.
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

    /// Opens the access log anew, for whoever has moved its file away.
    pub fn reopen_logs(&self) {
        self.control.server.shared.telemetry.reopen_logs();
    }

    /// Makes [`Running::wait`] return, once for each handle, so that whoever waits can look at
    /// something else.
    pub fn nudge(&self) {
        self.control.state().nudges += 1;
        self.control.changed.notify_all();
    }
}
