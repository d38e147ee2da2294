//! A mold, as the supervisor has it: its pid, its control socket, and the workers that it was asked to
//! fork.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::channel::{Incoming, Progress, send};
use super::control::{FromMold, ToMold};
use super::facts::{Fact, KillReason, MoldId, Serial};
use super::run::Supervisor;
use super::view::MoldView;
use super::workers::{WorkerOptions, WorkerProcesses};
use crate::system::child::{self, ExitStatus};
use crate::system::pass_fd::Wait;

/// How long after the end of a mold its last messages are waited for: a process between it and a worker
/// may still have to say that it has forked it.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

/// A mold.
#[derive(Debug)]
pub(super) struct MoldProcess {
    pub(super) pid: u32,
    pub(super) socket: UnixStream,
    incoming: Incoming,
    started_at: Instant,
    /// How the workers are treated that it forks.
    pub(super) of_worker: WorkerOptions,
    has_imported: bool,
    /// It has printed why it cannot import the application, or was killed.
    is_end_expected: bool,
    /// Whether nothing comes over its socket any more.
    pub(super) has_closed: bool,
    /// When it was killed.
    pub(super) killed_at: Option<Instant>,
    /// How it ended, and when that was seen.
    reaped: Option<(Option<ExitStatus>, Instant)>,
}

impl Supervisor {
    /// Starts a mold.
    pub(super) fn start_mold(
        &mut self,
        id: MoldId,
        processes: &mut dyn WorkerProcesses,
    ) -> io::Result<()> {
        let (socket, theirs) = UnixStream::pair()?;
        let pid = processes.start_mold(theirs.into())?;
        tracing::debug!(target: "maitred", pid, "preload process started");
        let mold = MoldProcess {
            pid,
            socket,
            incoming: Incoming::new(),
            started_at: self.now(),
            of_worker: self.options.of_worker,
            has_imported: false,
            is_end_expected: false,
            has_closed: false,
            killed_at: None,
            reaped: None,
        };
        self.molds.insert(id, mold);
        Ok(())
    }

    /// Asks a mold for a worker, with its end of the control socket.
    pub(super) fn ask_for_fork(
        &self,
        mold: MoldId,
        serial: Serial,
        number: usize,
        control: &OwnedFd,
    ) -> io::Result<()> {
        let mold = self.molds.get(&mold).ok_or(io::ErrorKind::NotConnected)?;
        send(&mold.socket, &ToMold::Fork { serial, number }, &[control.as_fd()], Wait::Never)
    }

    /// Kills a mold: it has nothing that it would lose.
    pub(super) fn kill_mold(&mut self, id: MoldId, reason: KillReason) {
        let now = self.now();
        let Some(mold) = self.molds.get_mut(&id) else { return };
        mold.is_end_expected = true;
        mold.killed_at.get_or_insert(now);
        let pid = mold.pid;
        if let KillReason::StartTimeout(start_timeout) = reason {
            tracing::error!(
                target: "maitred",
                pid,
                "start-timeout: the preload process has not imported the application, or has not \
                 forked a worker, within {start_timeout:?} and is killed"
            );
        }
        if mold.reaped.is_none()
            && let Err(error) = child::signal(pid, libc::SIGKILL)
        {
            tracing::error!(target: "maitred", pid, "cannot kill the preload process: {error}");
        }
    }

    /// Reads what molds have sent.
    pub(super) fn hear_molds(&mut self, processes: &mut dyn WorkerProcesses) {
        let mut heard = Vec::new();
        for (&id, mold) in self.molds.iter_mut().filter(|(_, mold)| !mold.has_closed) {
            let mut progress = mold.incoming.read(&mold.socket, Wait::Never);
            loop {
                match mold.incoming.next::<FromMold>() {
                    Ok(Some(message)) => heard.push((id, message)),
                    Ok(None) => break,
                    Err(error) => {
                        tracing::error!(
                            target: "maitred", pid = mold.pid, "the preload process sent {error}"
                        );
                        progress = Progress::Ended;
                        break;
                    }
                }
            }
            mold.has_closed = progress == Progress::Ended;
        }
        for (id, message) in heard {
            self.mold_says(id, message, processes);
        }
    }

    fn mold_says(&mut self, id: MoldId, message: FromMold, processes: &mut dyn WorkerProcesses) {
        let now = self.now();
        let Some(mold) = self.molds.get_mut(&id) else { return };
        match message {
            FromMold::Imported => {
                mold.has_imported = true;
                let seconds = now.saturating_duration_since(mold.started_at).as_secs_f64();
                tracing::info!(
                    target: "maitred",
                    pid = mold.pid, seconds,
                    "the application is preloaded: workers are forked from this process"
                );
                self.tell_fleet(Fact::MoldReady(id), processes);
            }
            FromMold::CannotStart => mold.is_end_expected = true,
            FromMold::Forked { serial, pid } => self.forked(serial, pid),
            FromMold::ForkFailed { serial, error } => {
                let Some(worker) = self.workers.get_mut(&serial) else { return };
                tracing::error!(
                    target: "maitred",
                    worker = worker.number,
                    "cannot fork a worker process: {error}"
                );
                worker.has_said_why = true;
                self.gone(serial, None, processes);
            }
        }
    }

    /// The process of a worker is known.
    fn forked(&mut self, serial: Serial, pid: u32) {
        let Some(worker) = self.workers.get_mut(&serial) else { return };
        worker.pid = Some(pid);
        if let Some(seat) = self.board.seat(worker.seat) {
            seat.set_pid(pid.into());
        }
        tracing::debug!(target: "maitred", worker = worker.number, pid, "worker process forked");
        if worker.killed_at.is_some() {
            // It was to end before it was known. If it has, there is nobody to signal.
            let _ = child::signal(pid, libc::SIGKILL);
        }
    }

    /// Reaps molds, and forgets those that have said everything.
    pub(super) fn reap_molds(&mut self, processes: &mut dyn WorkerProcesses) {
        let now = self.now();
        for mold in self.molds.values_mut().filter(|mold| mold.reaped.is_none()) {
            match child::reap(mold.pid) {
                Ok(Some(reaped)) => mold.reaped = Some((Some(reaped.status), now)),
                Ok(None) => {}
                Err(_) => mold.reaped = Some((None, now)), // somebody else has reaped it
            }
        }
        let is_over = |mold: &MoldProcess| {
            mold.reaped.is_some_and(|(_, at)| {
                mold.has_closed || now.saturating_duration_since(at) >= LAST_WORDS_WITHIN
            })
        };
        let over: Vec<_> =
            self.molds.iter().filter(|(_, it)| is_over(it)).map(|(&id, _)| id).collect();
        for id in over {
            let Some(mold) = self.molds.remove(&id) else { continue };
            let status = mold.reaped.and_then(|(status, _)| status);
            processes.reaped(mold.pid, status.unwrap_or(ExitStatus::Exited(0)));
            if !mold.is_end_expected && !self.fleet.is_draining() {
                let status = status.map_or("unknown".to_owned(), |status| status.to_string());
                tracing::error!(
                    target: "maitred",
                    pid = mold.pid,
                    "the preload process died ({status}): workers go on, and the application is \
                     imported again"
                );
            }
            self.tell_fleet(Fact::MoldExited(id), processes);
        }
    }

    /// Whether a child is one of the molds.
    pub(super) fn is_mold(&self, pid: u32) -> bool {
        self.molds.values().any(|mold| mold.pid == pid)
    }

    /// What the admin listener shows of the molds.
    pub(super) fn mold_views(&self) -> Vec<MoldView> {
        let now = self.now();
        let view = |mold: &MoldProcess| MoldView {
            pid: mold.pid,
            state: if mold.has_imported { "ready" } else { "importing" },
            age: now.saturating_duration_since(mold.started_at),
        };
        self.molds.values().map(view).collect()
    }
}
