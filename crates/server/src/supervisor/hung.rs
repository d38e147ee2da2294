//! A worker that does not react: it is emptied, its stacks are logged, and it is killed and replaced.
//!
//! First its I/O thread, if that runs, hands over what can move and answers the rest
//! (`lifecycle/evacuate.rs`). Then the stacks are asked for, by a signal, and the process is killed.

use std::time::{Duration, Instant};

use super::control::ToWorker;
use super::facts::{Fact, Serial};
use super::health::{Beats, Hung, Silence};
use super::process::running_in;
use super::run::Supervisor;
use super::stacks;
use super::view::WorkerState;
use super::workers::WorkerProcesses;
use crate::board::{SeatState, monotonic_ns};
use crate::system::child;

/// How long a worker may take to hand over and answer what it has.
pub(super) const EVACUATED_WITHIN: Duration = Duration::from_secs(3);

/// A worker that is about to be killed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dying {
    hung: Hung,
    stage: DyingStage,
    /// Since when it has been at this stage.
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DyingStage {
    /// It hands over and answers what it has.
    Evacuating,
    /// Its stacks are being written.
    Dumping,
}

impl Supervisor {
    /// Looks for a worker that does not react, and begins to end it.
    pub(super) fn look_for_hung(&mut self) {
        let now_ns = monotonic_ns();
        let age = |beat: u64| Duration::from_nanos(now_ns.saturating_sub(beat));
        let ready = self.workers.iter().filter(|(_, worker)| worker.state == WorkerState::Ready);
        // One at a time: while it dies, the others are not judged.
        let beats: Vec<(Serial, Beats)> = ready
            .filter(|_| self.dying.is_none())
            .filter_map(|(&serial, worker)| {
                let seat = self.board.seat(worker.seat)?;
                let stuck = match seat.stuck_since() {
                    0 => Duration::ZERO,
                    since => age(since),
                };
                let (io, python) = (age(seat.io_beat()), age(seat.python_beat()));
                let timeout = worker.options.worker_timeout;
                Some((serial, Beats { io, python, stuck, timeout }))
            })
            .collect();
        let since_start = self.since_start();
        let fleet = &self.fleet;
        let hung = self.health.look(since_start, &beats, |serial| fleet.is_replaced(serial));
        let Some(hung) = hung else { return };
        let now = self.now();
        let Some(worker) = self.workers.get_mut(&hung.serial) else { return };
        let Some(pid) = worker.pid else { return };
        if let Some(why) = must_not_be_killed(pid) {
            tracing::error!(
                target: "maitred",
                worker = worker.number, pid,
                "worker-timeout: a worker process does not react and is not killed: {why}"
            );
            return;
        }
        // Nobody sends it more.
        worker.state = WorkerState::Retiring;
        if let Some(seat) = self.board.seat(worker.seat) {
            seat.set_state(SeatState::Retiring);
        }
        worker.tell(&ToWorker::Evacuate, &[]);
        self.dying = Some(Dying { hung, stage: DyingStage::Evacuating, since: now });
    }

    /// Goes on with a worker that does not react: asks for its stacks when it is empty, and kills it
    /// when they are there.
    pub(super) fn kill_hung(&mut self, processes: &mut dyn WorkerProcesses) {
        let Some(Dying { hung, stage, since }) = self.dying else { return };
        let now = self.now();
        let waited = now.saturating_duration_since(since);
        let Some(worker) = self.workers.get(&hung.serial) else {
            self.dying = None;
            return;
        };
        let is_empty = worker.is_evacuated || hung.silence == Silence::Io;
        match stage {
            DyingStage::Evacuating if is_empty || waited >= EVACUATED_WITHIN => {
                stacks::ask(worker);
                self.dying = Some(Dying { hung, stage: DyingStage::Dumping, since: now });
            }
            DyingStage::Dumping if waited >= stacks::DUMPED_WITHIN => {
                self.dying = None;
                self.end_hung(hung, processes);
            }
            DyingStage::Evacuating | DyingStage::Dumping => {}
        }
    }

    fn end_hung(&mut self, hung: Hung, processes: &mut dyn WorkerProcesses) {
        let now = self.now();
        let Some(worker) = self.workers.get_mut(&hung.serial) else { return };
        let (number, Some(pid)) = (worker.number, worker.pid) else { return };
        let silence = match hung.silence {
            Silence::Io => "its I/O thread does not run",
            Silence::Python => "no thread of it gets the interpreter",
            Silence::Stuck => "all its threads are stuck",
        };
        let running = self.board.seat(worker.seat).map(|seat| running_in(&seat));
        tracing::error!(
            target: "maitred",
            worker = number, pid,
            seconds = hung.age.as_secs_f64(),
            running,
            stacks = stacks::read(&worker.pad),
            "worker-timeout: a worker process is killed and replaced, because {silence}"
        );
        worker.killed_at = Some(now);
        self.tell_fleet(Fact::Hung(hung.serial), processes);
        if let Err(error) = child::signal(pid, libc::SIGKILL) {
            tracing::error!(target: "maitred", worker = number, pid, "cannot kill it: {error}");
        }
    }
}

/// Why a process must not be killed although it does not react: it writes a core dump, or somebody
/// debugs it.
#[expect(clippy::disallowed_methods, reason = "a file of the kernel, and no settings file")]
fn must_not_be_killed(pid: u32) -> Option<&'static str> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default()
    };
    if field("CoreDumping:") == "1" {
        return Some("it writes a core dump");
    }
    (!["", "0"].contains(&field("TracerPid:"))).then_some("it is being debugged")
}
