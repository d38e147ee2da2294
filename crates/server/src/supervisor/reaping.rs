//! Kills processes, and reaps them: workers, and the orphans that come to process 1 of a container.

use std::time::{Duration, Instant};

use super::facts::{Fact, KillReason, Serial, Source};
use super::process::{lost_with, report_death, running_in};
use super::run::Supervisor;
use super::view::WorkerState;
use super::workers::{Reaping, WorkerProcesses};
use crate::board::SeatState;
use crate::system::child::{self, ExitStatus};
use crate::telemetry::cells::Lost;

/// How long after the end of its control socket a process may live.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How long after the end of its control socket a worker that was forked may not be a child of this
/// process.
const ADOPTED_WITHIN: Duration = Duration::from_secs(1);

/// How long after it was killed a process may be there when the server stops. The kernel ends none that
/// is in an uninterruptible sleep, as one whose disk or file server does not answer.
pub(super) const KILLED_WITHIN: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Kills a process.
    pub(super) fn kill(&mut self, serial: Serial, reason: KillReason) {
        let now = self.now();
        let Some(worker) = self.workers.get_mut(&serial) else { return };
        let (number, pid) = (worker.number, worker.pid);
        match reason {
            KillReason::StartTimeout(start_timeout) => tracing::error!(
                target: "maitred",
                worker = number, pid,
                "start-timeout: a worker process has not become ready within {start_timeout:?} \
                 and is killed"
            ),
            KillReason::Overdue => tracing::error!(
                target: "maitred",
                worker = number, pid,
                running = self.board.seat(worker.seat).map(|seat| running_in(&seat)),
                "a worker process has not ended in time and is killed"
            ),
            KillReason::NotWanted => {}
        }
        worker.killed_at.get_or_insert(now);
        let Some(pid) = pid else {
            // If it is forked after all, it is killed then.
            if let (Source::Mold(mold), KillReason::StartTimeout(_)) = (worker.source, reason) {
                self.kill_mold(mold, reason);
            }
            return;
        };
        if let Err(error) = child::signal(pid, libc::SIGKILL) {
            tracing::error!(target: "maitred", worker = number, pid, "cannot kill it: {error}");
        }
    }

    /// Kills all processes.
    pub(super) fn kill_all(&mut self) {
        let all: Vec<_> = self.workers.keys().copied().collect();
        for serial in all {
            self.kill(serial, KillReason::NotWanted);
        }
        let molds: Vec<_> = self.molds.keys().copied().collect();
        for mold in molds {
            self.kill_mold(mold, KillReason::NotWanted);
        }
    }

    /// Reaps who has ended, and kills who has closed its control socket and goes on.
    pub(super) fn reap(&mut self, processes: &mut dyn WorkerProcesses) {
        let now = self.now();
        let mut ended = Vec::new();
        for (&serial, worker) in &self.workers {
            let Some(pid) = worker.pid else {
                // Its mold has died without forking it, or before it could tell.
                let has_mold =
                    matches!(worker.source, Source::Mold(id) if self.molds.contains_key(&id));
                if worker.ended_at.is_some() && !has_mold {
                    ended.push((serial, None));
                }
                continue;
            };
            let has_closed_for = |limit| {
                worker.ended_at.is_some_and(|at| now.saturating_duration_since(at) >= limit)
            };
            match child::reap(pid) {
                Ok(Some(reaped)) => ended.push((serial, Some(reaped.status))),
                Ok(None) => {
                    if has_closed_for(ENDS_WITHIN) {
                        // It cannot be told anything any more. If it is gone, the next look reaps it.
                        let _ = child::signal(pid, libc::SIGKILL);
                    }
                }
                // It is not this process's child yet: the process that has forked it has not ended.
                Err(_)
                    if worker.source != Source::Interpreter && !has_closed_for(ADOPTED_WITHIN) => {}
                // Somebody else has reaped it: its end is certain, and its status unknown.
                Err(_) => ended.push((serial, None)),
            }
        }
        for (serial, status) in ended {
            self.gone(serial, status, processes);
        }
        if self.options.reaping == Reaping::Everybody {
            while let Some(pid) = child::first_ended()
                && !self.workers.values().any(|worker| worker.pid == Some(pid))
                && !self.is_mold(pid)
                && child::reap(pid).is_ok()
            {
                tracing::debug!(target: "maitred", pid, "an orphan has ended");
            }
        }
    }

    /// When the server stops, waits no longer for processes that do not end although they were killed.
    pub(super) fn leave_behind(&mut self, processes: &mut dyn WorkerProcesses) {
        if self.ended.is_none() && !self.fleet.is_draining() {
            return;
        }
        let now = self.now();
        let is_over = |killed_at: Option<Instant>| {
            killed_at.is_some_and(|at| now.saturating_duration_since(at) >= KILLED_WITHIN)
        };
        let workers = self.workers.iter().filter(|(_, worker)| is_over(worker.killed_at));
        let workers: Vec<_> = workers.map(|(&serial, it)| (serial, it.number, it.pid)).collect();
        let molds = self.molds.iter().filter(|(_, mold)| is_over(mold.killed_at));
        let molds: Vec<_> = molds.map(|(&id, mold)| (id, mold.pid)).collect();
        for (serial, number, pid) in workers {
            tracing::error!(
                target: "maitred",
                worker = number, pid,
                "a worker process has not ended {KILLED_WITHIN:?} after SIGKILL, and is left behind: \
                 it waits for a device or a file system"
            );
            self.gone(serial, None, processes);
        }
        for (id, pid) in molds {
            tracing::error!(
                target: "maitred",
                pid,
                "the preload process has not ended {KILLED_WITHIN:?} after SIGKILL, and is left \
                 behind: it waits for a device or a file system"
            );
            self.molds.remove(&id);
            processes.reaped(pid, ExitStatus::Signalled(libc::SIGKILL));
            self.tell_fleet(Fact::MoldExited(id), processes);
        }
    }

    /// A process has ended.
    pub(super) fn gone(
        &mut self,
        serial: Serial,
        status: Option<ExitStatus>,
        processes: &mut dyn WorkerProcesses,
    ) {
        let Some(worker) = self.workers.remove(&serial) else { return };
        if let Some(pid) = worker.pid {
            processes.reaped(pid, status.unwrap_or(ExitStatus::Exited(0)));
        }
        let how = match status {
            _ if worker.state == WorkerState::Starting => "start_failed",
            Some(ExitStatus::Exited(0)) if worker.state == WorkerState::Retiring => "retired",
            _ if worker.killed_at.is_some() => "killed",
            Some(ExitStatus::Signalled(_)) => "signal",
            Some(ExitStatus::Exited(_)) | None => "status",
        };
        let is_expected = how == "retired"
            || worker.killed_at.is_some()
            || worker.has_said_why
            || (self.fleet.is_draining() && status == Some(ExitStatus::Exited(0)));
        self.board.room().clear(worker.seat);
        self.board.waiting().clear(worker.seat);
        let mut lost = Lost::default();
        if let Some(seat) = self.board.seat(worker.seat) {
            if !is_expected {
                report_death(&worker, status, &seat);
            }
            lost = lost_with(&seat, worker.options.connection_limit);
            seat.set_state(SeatState::Free);
        }
        self.forward_inbox(worker.seat);
        self.view.ended(worker.number, worker.seat, how, &lost);
        self.look_for_headroom(); // what waits for its memory needs to know now
        self.tell_fleet(Fact::Exited(serial), processes);
    }
}
