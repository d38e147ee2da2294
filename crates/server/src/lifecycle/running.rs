//! The handle of a running server: stops it, waits for it, and reports its state.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use crate::lifecycle::request_timeout::TimeoutMonitor;
use crate::lifecycle::server_state::ServerState;
use crate::lifecycle::sweep;
use crate::system::mutex::{Condvar, Mutex};

/// A running server. Clones are handles of the same server.
#[derive(Debug)]
pub struct Running {
    control: Arc<Control>,
    /// The number of interruptions that this handle has seen. Each handle has its own count, so that every
    /// waiting thread sees every interrupt_wait.
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
    /// The I/O thread has panicked. The rest has stopped, and released everything.
    Failed,
    /// [`Running::interrupt_wait`] was called.
    Interrupted,
    /// The timeout of [`Running::wait_for`] is over.
    TimedOut,
}

/// How the I/O thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IoEnd {
    /// As it was told to.
    Finished,
    /// By a panic.
    Panicked,
}

/// How far the evacuation of a process that hangs has come.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Evacuation {
    NotAsked,
    Asked,
    Done,
}

/// The stages of stopping. A server on its own passes from one to the next by itself; a worker of a
/// supervisor is told each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StopStage {
    Serve,
    /// Responses say `Connection: close`.
    Announce,
    /// The listeners close, and requests are finished.
    Close,
    /// The server ends when it has no connection.
    Finish,
    Kill,
}

/// The state that the handles and the I/O thread of a server share.
#[derive(Debug)]
pub(crate) struct Control {
    monitor: Mutex<Option<TimeoutMonitor>>,
    state: Mutex<ControlState>,
    changed: Condvar,
    /// Notifies the I/O thread of a new stage.
    advanced: Notify,
    /// Notified when the supervisor wants to see what the process does.
    #[cfg(unix)]
    publish: Notify,
    pub(crate) server: Arc<ServerState>,
    /// Starts tasks on the I/O thread.
    tasks: tokio::runtime::Handle,
}

#[derive(Debug)]
struct ControlState {
    stage: StopStage,
    /// Set when everything has ended.
    ended: Option<IoEnd>,
    /// Whether others go on to serve.
    retires: bool,
    /// How far the evacuation of a process that hangs has come.
    #[cfg(unix)]
    evacuation: Evacuation,
    /// The number of interruptions.
    interruptions: u64,
    io: Option<JoinHandle<()>>,
}

impl Control {
    pub(crate) fn new(
        server: Arc<ServerState>,
        monitor: TimeoutMonitor,
        tasks: tokio::runtime::Handle,
    ) -> Self {
        Self {
            monitor: Mutex::new(Some(monitor)),
            state: Mutex::new(ControlState {
                stage: StopStage::Serve,
                ended: None,
                retires: false,
                #[cfg(unix)]
                evacuation: Evacuation::NotAsked,
                interruptions: 0,
                io: None,
            }),
            changed: Condvar::new(),
            advanced: Notify::new(),
            #[cfg(unix)]
            publish: Notify::new(),
            server,
            tasks,
        }
    }

    fn state(&self) -> MutexGuard<'_, ControlState> {
        self.state.lock()
    }

    fn advance(&self, stage: StopStage) {
        let mut state = self.state();
        state.stage = state.stage.max(stage);
        drop(state);
        self.advanced.notify_waiters();
    }

    /// Whether the server has reached this stage.
    pub(crate) fn has_reached(&self, stage: StopStage) -> bool {
        self.state().stage >= stage
    }

    /// Whether other workers go on to serve.
    pub(crate) fn retires(&self) -> bool {
        self.state().retires
    }

    /// Waits until the server has reached this stage.
    pub(crate) async fn reached(&self, stage: StopStage) {
        loop {
            let mut advanced = std::pin::pin!(self.advanced.notified());
            advanced.as_mut().enable();
            if self.state().stage >= stage {
                return;
            }
            advanced.await;
        }
    }

    /// Shows the supervisor what the process does, whenever it looks.
    #[cfg(unix)]
    pub(crate) async fn publish_when_asked(&self) {
        loop {
            self.publish.notified().await;
            self.server.publish();
        }
    }

    /// Waits until the process is to be evacuated.
    #[cfg(unix)]
    pub(crate) async fn evacuation_asked(&self) {
        loop {
            let mut advanced = std::pin::pin!(self.advanced.notified());
            advanced.as_mut().enable();
            if self.state().evacuation != Evacuation::NotAsked {
                return;
            }
            advanced.await;
        }
    }

    /// Everything has been handed over or answered.
    #[cfg(unix)]
    pub(crate) fn evacuated(&self) {
        self.state().evacuation = Evacuation::Done;
        self.changed.notify_all();
    }

    /// Stops the monitor, and waits until its thread has ended.
    pub(crate) fn end_monitor(&self) {
        let monitor = self.monitor.lock().take();
        drop(monitor);
    }

    /// Everything has ended: wakes all that wait.
    pub(crate) fn stopped(&self, end: IoEnd) {
        self.state().ended = Some(end);
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
        self.control.advance(StopStage::Announce);
    }

    /// From now on, responses say `Connection: close`.
    #[cfg(unix)]
    pub(crate) fn announce_drain(&self) {
        self.control.advance(StopStage::Announce);
    }

    /// Accepts what has connected, closes the listeners, and finishes what runs.
    #[cfg(unix)]
    pub(crate) fn close_listeners(&self) {
        self.control.advance(StopStage::Close);
    }

    /// The same, and ends when it has no connection.
    #[cfg(unix)]
    pub(crate) fn finish(&self) {
        self.control.advance(StopStage::Finish);
    }

    /// Hands its connections over to the other workers, which go on to serve from the same listeners, and
    /// ends when it has none.
    #[cfg(unix)]
    pub fn retire(&self) {
        self.control.state().retires = true;
        self.finish();
    }

    /// Shows the supervisor soon what the process does.
    #[cfg(unix)]
    pub(crate) fn publish(&self) {
        self.control.publish.notify_one();
    }

    /// Hands over what can move and answers the rest, because the process hangs and will be killed.
    /// Waits for that, for so long at most, and returns whether it is done.
    #[cfg(unix)]
    pub(crate) fn evacuate(&self, within: Duration) -> bool {
        let mut state = self.control.state();
        state.evacuation = state.evacuation.max(Evacuation::Asked);
        self.control.advanced.notify_waiters();
        let is_under_way = |state: &mut ControlState| {
            state.evacuation != Evacuation::Done && state.ended.is_none()
        };
        let (state, _) = self.control.changed.wait_timeout_while(state, within, is_under_way);
        state.evacuation == Evacuation::Done
    }

    /// Waits until the server has stopped, for so long at most. Returns whether it has.
    #[cfg(unix)]
    pub(crate) fn wait_until_stopped(&self, within: Duration) -> bool {
        let state = self.control.state();
        let (state, _) =
            self.control.changed.wait_timeout_while(state, within, |state| state.ended.is_none());
        state.ended.is_some()
    }

    /// Stops immediately: requests in progress are aborted.
    pub fn kill(&self) {
        self.control.advance(StopStage::Kill);
    }

    /// The number of open client connections.
    pub fn connections(&self) -> usize {
        self.control.server.frontend.registry.len()
    }

    /// The number of requests that wait for a thread.
    pub fn waiting(&self) -> usize {
        self.control.server.queue.len()
    }

    /// The number of threads that serve a request.
    pub fn busy(&self) -> usize {
        self.control.server.queue.threads().busy
    }

    /// Blocks until the server has stopped, or is interrupted.
    pub fn wait(&self) -> Waited {
        self.wait_for(Duration::MAX)
    }

    /// Blocks until the server has stopped, is interrupted, or `timeout` is over.
    pub fn wait_for(&self, timeout: Duration) -> Waited {
        let seen = self.seen.load(Ordering::Relaxed);
        let is_unchanged =
            |state: &mut ControlState| state.ended.is_none() && state.interruptions == seen;
        let state = self.control.state.lock();
        let (mut state, _) = self.control.changed.wait_timeout_while(state, timeout, is_unchanged);
        if let Some(end) = state.ended {
            let io = state.io.take();
            drop(state);
            if let Some(io) = io {
                // It has already reported its end; a panic has already been printed.
                let _ = io.join();
            }
            return match end {
                IoEnd::Finished => Waited::Stopped,
                IoEnd::Panicked => Waited::Failed,
            };
        }
        if self.seen.swap(state.interruptions, Ordering::Relaxed) == state.interruptions {
            Waited::TimedOut
        } else {
            Waited::Interrupted
        }
    }

    /// Runs all periodic checks now, and returns after them. For tests that advance the clock.
    pub fn tick(&self) {
        self.stand_still(Duration::ZERO);
    }

    /// The same after the process has stood still for this time, by which the clock is put forward: no
    /// periodic check sees that it has been, and does not know why.
    pub fn stand_still(&self, time: Duration) {
        let server = Arc::clone(&self.control.server);
        let checks = self.control.monitor.lock().as_ref().map(TimeoutMonitor::checks);
        sweep::on_thread_of(&self.control.tasks, move || {
            let pass = || {
                server.shared.clock.advance(time);
                sweep::sweep(&server, time);
            };
            match checks {
                Some(checks) => checks.check_after(time, pass),
                None => pass(),
            }
        });
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
    pub fn interrupt_wait(&self) {
        self.control.state().interruptions += 1;
        self.control.changed.notify_all();
    }
}
