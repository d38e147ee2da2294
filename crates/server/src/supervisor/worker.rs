//! A worker's end of its control socket, which is also its lifeline.
//!
//! A thread without Python, `maitred-control`, reads it from the first moment, so that a worker that
//! imports for minutes, or whose interpreter is stuck, still sees that its supervisor is gone: it
//! then frees the addresses at once, finishes what runs within `ALONE_FOR`, and exits with
//! status 1, if need be without coming back to Python.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::channel::{Incoming, Progress, send};
use super::control::{ToSupervisor, ToWorker};
use super::hung::EVACUATED_WITHIN;
use crate::board::{Board, Place, monotonic_ns};
use crate::connection::inboxes::Inboxes;
use crate::connection::siblings::Membership;
use crate::lifecycle::running::Running;
use crate::system::child::exit_now;
use crate::system::inherited_socket;
use crate::system::mutex::{Condvar, Mutex};
use crate::system::output_lock;
use crate::system::pass_fd::Wait;

/// How long a worker without a supervisor finishes what runs.
const ALONE_FOR: Duration = Duration::from_secs(5);

/// How long after that the process may need to come to its end.
const END_WITHIN: Duration = Duration::from_secs(2);

/// The exit status of a worker whose supervisor is gone.
const ORPHANED: i32 = 1;

/// What a worker is told first.
#[derive(Debug)]
pub struct Welcome {
    /// Its place on the board, and the inboxes, which arrive before the listening sockets.
    pub membership: Membership,
    /// Where its stacks are written when it hangs.
    pub pad: OwnedFd,
}

/// The worker's end of the control socket.
#[derive(Clone, Debug)]
pub struct WorkerControl(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: UnixStream,
    state: Mutex<LinkState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct LinkState {
    welcome: Option<io::Result<Welcome>>,
    place: Option<Place>,
    inboxes: Option<Arc<Inboxes>>,
    sockets: Option<io::Result<Vec<OwnedFd>>>,
    serving: Option<Serving>,
    is_orphan: bool,
}

/// The server of a worker.
#[derive(Clone, Debug)]
struct Serving {
    running: Running,
    /// Called when it begins to stop.
    stops: fn(),
}

impl WorkerControl {
    /// Takes over the control socket, which the process was given under this number, and begins to
    /// read it.
    ///
    /// # Errors
    /// There is no such socket. The thread cannot be started.
    pub fn attach(descriptor: i32) -> io::Result<Self> {
        let socket = inherited_socket::take(descriptor)?.ok_or(io::ErrorKind::NotConnected)?;
        Self::over(UnixStream::from(socket))
    }

    /// Begins to read this control socket.
    pub(super) fn over(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        let inner = Inner { socket, state: Mutex::default(), changed: Condvar::new() };
        let control = Self(Arc::new(inner));
        let reader = control.clone();
        std::thread::Builder::new().name("maitred-control".into()).spawn(move || reader.read())?;
        Ok(control)
    }

    fn state(&self) -> MutexGuard<'_, LinkState> {
        self.0.state.lock()
    }

    /// Waits until `part` has been told.
    fn wait_for<T>(&self, part: impl Fn(&mut LinkState) -> Option<T>) -> T {
        let mut state = self.state();
        loop {
            if let Some(found) = part(&mut state) {
                return found;
            }
            state = self.0.changed.wait(state);
        }
    }

    /// Waits for the place of this worker.
    ///
    /// # Errors
    /// The supervisor is of another version.
    pub fn welcome(&self) -> io::Result<Welcome> {
        self.wait_for(|state| state.welcome.take())
    }

    /// Tells that the application is imported, and waits for the listening sockets.
    ///
    /// # Errors
    /// This process has no descriptors left for them, or for its inbox.
    pub fn imported(&self) -> io::Result<Vec<OwnedFd>> {
        self.tell(&ToSupervisor::Imported);
        self.wait_for(|state| state.sockets.take())
    }

    /// Tells that the worker cannot start; it has printed why.
    pub fn cannot_start(&self) {
        self.tell(&ToSupervisor::CannotStart);
    }

    /// The worker serves: from now on the supervisor stops it. `stops` is called when it begins to, perhaps
    /// several times.
    pub fn serves(&self, running: Running, stops: fn()) {
        let mut state = self.state();
        if let Some(place) = &state.place {
            place.seat().begin_to_serve(monotonic_ns());
        }
        state.serving = Some(Serving { running, stops });
        drop(state);
        self.tell(&ToSupervisor::Ready);
    }

    /// Asks the supervisor for a successor, because a process from outside wants this one to end.
    /// Without a supervisor, the worker drains.
    pub fn ask_to_end(&self) {
        self.tell(&ToSupervisor::AskedToEnd);
    }

    /// Whether the supervisor is gone.
    pub fn is_orphan(&self) -> bool {
        self.state().is_orphan
    }

    fn tell(&self, message: &ToSupervisor) {
        // If it cannot be told, the supervisor is gone, and the reader sees the end.
        let _ = send(&self.0.socket, message, &[], Wait::AsSocket);
    }

    fn running(&self) -> Option<Running> {
        self.state().serving.as_ref().map(|serving| serving.running.clone())
    }

    /// Stops the server, if it serves, or goes on to.
    fn stop(&self, how: impl Fn(&Running)) {
        let serving = self.state().serving.clone();
        if let Some(Serving { running, stops }) = serving {
            stops();
            how(&running);
        }
    }

    /// The thread that reads.
    fn read(&self) {
        let mut incoming = Incoming::with_reserve();
        while incoming.read(&self.0.socket, Wait::AsSocket) == Progress::Open {
            loop {
                match incoming.next::<ToWorker>() {
                    Ok(Some(message)) => {
                        if let Err(error) = self.hear(message, &mut incoming) {
                            tracing::error!(
                                target: "maitred",
                                "a message of the supervisor cannot be followed: {error}"
                            );
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(target: "maitred", "the supervisor sent {error}");
                        return self.is_alone();
                    }
                }
            }
        }
        self.is_alone();
    }

    fn hear(&self, message: ToWorker, incoming: &mut Incoming) -> io::Result<()> {
        match message {
            ToWorker::Welcome { version, seat, number, generation } => {
                let descriptors = <[OwnedFd; 3]>::try_from(incoming.descriptors(3)?);
                let [board, pad, outputs] = descriptors.map_err(|_| io::ErrorKind::InvalidData)?;
                output_lock::share(outputs);
                let membership = place(&version, board, seat, number).map(|place| {
                    let inboxes = Arc::new(Inboxes::new(place.board().shape().seats()));
                    Membership { place, generation, inboxes }
                });
                let mut state = self.state();
                if let Ok(membership) = &membership {
                    state.place = Some(membership.place.clone());
                    state.inboxes = Some(Arc::clone(&membership.inboxes));
                }
                state.welcome = Some(membership.map(|membership| Welcome { membership, pad }));
                self.0.changed.notify_all();
            }
            ToWorker::Listen { sockets } => {
                let sockets = incoming.descriptors(sockets);
                self.state().sockets.get_or_insert(sockets);
                self.0.changed.notify_all();
            }
            ToWorker::OwnInbox => match incoming.descriptor() {
                Ok(inbox) => {
                    if let Some(all) = &self.state().inboxes {
                        all.set_own(inbox);
                    }
                }
                // Others would send connections that nobody reads: it must not serve.
                Err(error) => self.state().sockets = Some(Err(error)),
            },
            ToWorker::Inbox { seat } => {
                // Without it, nothing is ever handed over to that seat. Others are asked instead, or the
                // requests wait here, as where there is only one process.
                let inbox = incoming.descriptor()?;
                if let Some(all) = &self.state().inboxes {
                    all.add(seat, inbox);
                }
            }
            ToWorker::AnnounceDrain => {
                self.stop(Running::announce_drain);
                let has_children = crate::system::child_processes::exist();
                self.tell(&ToSupervisor::DrainAnnounced { has_children });
            }
            ToWorker::CloseListeners => self.stop(Running::close_listeners),
            ToWorker::End => self.stop(Running::finish),
            ToWorker::Retire => self.stop(Running::retire),
            ToWorker::Evacuate => {
                let running = self.running();
                if running.is_some_and(|running| running.evacuate(EVACUATED_WITHIN)) {
                    self.tell(&ToSupervisor::Evacuated);
                }
            }
            ToWorker::Publish => self.running().iter().for_each(Running::publish),
            ToWorker::ReopenLogs => self.running().iter().for_each(Running::reopen_logs),
        }
        Ok(())
    }

    /// The supervisor is gone.
    fn is_alone(&self) {
        let running = {
            let mut state = self.state();
            state.is_orphan = true;
            state.serving.as_ref().map(|serving| serving.running.clone())
        };
        let Some(running) = running else { exit_now(ORPHANED) };
        tracing::error!(target: "maitred", "the supervisor is gone: finishing what runs");
        running.finish();
        if !running.wait_until_stopped(ALONE_FOR) {
            running.kill();
        }
        running.wait_until_stopped(END_WITHIN);
        #[expect(clippy::disallowed_methods, reason = "the end of the process ends the wait")]
        std::thread::sleep(END_WITHIN);
        exit_now(ORPHANED);
    }
}

fn place(version: &str, board: OwnedFd, seat: usize, number: usize) -> io::Result<Place> {
    let ours = env!("CARGO_PKG_VERSION");
    if version != ours {
        let message = format!("maitred was upgraded from {version} to {ours}: restart the server");
        return Err(io::Error::other(message));
    }
    let board = Arc::new(Board::attach(board)?);
    Place::new(board, seat, number).ok_or_else(|| io::ErrorKind::InvalidData.into())
}
