//! A worker process, as the supervisor has it: its pid, its seat, and the control socket.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::channel::{Incoming, send};
use super::control::{ToSupervisor, ToWorker};
use super::facts::{Fact, Serial, Source, StartReason};
use super::recycling::Threshold;
use super::run::Supervisor;
use super::view::WorkerState;
use super::workers::{StartOrder, WorkerOptions, WorkerProcesses};
use crate::board::{Seat, SeatState, monotonic_ns};
use crate::system::child::ExitStatus;
use crate::system::output_lock;
use crate::system::pass_fd::Wait;
use crate::system::shared_memory::SharedMemory;
use crate::telemetry::cells::Lost;

/// Words of a pad: 256 KiB of stacks.
const PAD_WORDS: usize = 32 * 1024;

/// A worker process.
#[derive(Debug)]
pub(super) struct Worker {
    /// `None` until the mold has forked it.
    pub(super) pid: Option<u32>,
    /// Where it comes from.
    pub(super) source: Source,
    pub(super) number: usize,
    pub(super) seat: usize,
    pub(super) socket: UnixStream,
    pub(super) incoming: Incoming,
    pub(super) pad: SharedMemory,
    pub(super) state: WorkerState,
    pub(super) started_at: Instant,
    /// When its control socket ended.
    pub(super) ended_at: Option<Instant>,
    /// It has printed why it cannot start.
    pub(super) has_said_why: bool,
    /// When it was killed, or would have been if its process had been known.
    pub(super) killed_at: Option<Instant>,
    /// It has handed over or answered everything.
    pub(super) is_evacuated: bool,
    pub(super) has_children: Option<bool>,
    /// Somebody outside wants it to end.
    pub(super) is_asked_to_end: bool,
    pub(super) options: WorkerOptions,
    pub(super) threshold: Threshold,
    pub(super) reason: StartReason,
}

impl Worker {
    /// Tells it something. Who has not read for so long that its socket is full is not waited for:
    /// its beat tells that it hangs.
    pub(super) fn tell(&self, message: &ToWorker, descriptors: &[BorrowedFd<'_>]) {
        // If it is gone, its socket has ended.
        let _ = send(&self.socket, message, descriptors, Wait::Never);
    }
}

impl Worker {
    /// The fact that a message of it is.
    pub(super) fn hears(&mut self, serial: Serial, message: ToSupervisor) -> Option<Fact> {
        match message {
            ToSupervisor::Imported => Some(Fact::Imported(serial)),
            ToSupervisor::Ready => {
                if self.state == WorkerState::Starting {
                    self.state = WorkerState::Ready;
                }
                Some(Fact::Ready(serial))
            }
            ToSupervisor::CannotStart => {
                self.has_said_why = true;
                None
            }
            ToSupervisor::DrainAnnounced { has_children } => {
                self.has_children = Some(has_children);
                None
            }
            ToSupervisor::Evacuated => {
                self.is_evacuated = true;
                None
            }
            ToSupervisor::AskedToEnd => {
                self.is_asked_to_end = true;
                Some(Fact::Replace(serial, StartReason::Asked))
            }
        }
    }
}

impl Supervisor {
    /// Starts a process, and gives it a seat.
    pub(super) fn start(
        &mut self,
        serial: Serial,
        order: &StartOrder,
        source: Source,
        processes: &mut dyn WorkerProcesses,
    ) -> io::Result<()> {
        let taken: Vec<_> = self.workers.values().map(|worker| worker.seat).collect();
        let free = (0..self.board.shape().seats()).find(|seat| !taken.contains(seat));
        let index = free.ok_or_else(|| io::Error::other("all seats of the board are taken"))?;
        let pad = SharedMemory::create(PAD_WORDS, &self.options.temp_dir)?;
        let outputs = output_lock::file(&self.options.temp_dir)?;
        let options = self.options_of(source);
        self.ensure_inbox(index)?;
        let (socket, theirs) = UnixStream::pair()?;
        let pid = match source {
            Source::Interpreter => Some(processes.start(order, theirs.into())?),
            Source::Mold(mold) => {
                self.ask_for_fork(mold, serial, order.number, &theirs.into())?;
                None
            }
        };
        // From here on there is a process, so nothing may fail any more.
        self.board.show_shape();
        if let Some(seat) = self.board.seat(index) {
            seat.begin_anew(order.number, serial, monotonic_ns());
            seat.set_pid(pid.unwrap_or(0).into());
        }
        let worker = Worker {
            pid,
            source,
            number: order.number,
            seat: index,
            socket,
            incoming: Incoming::new(),
            pad,
            state: WorkerState::Starting,
            started_at: self.now(),
            ended_at: None,
            has_said_why: false,
            killed_at: None,
            is_evacuated: false,
            has_children: None,
            is_asked_to_end: false,
            options,
            threshold: options.recycling.threshold(),
            reason: order.reason,
        };
        let welcome = ToWorker::Welcome {
            version: env!("CARGO_PKG_VERSION").into(),
            seat: index,
            number: order.number,
            generation: serial,
        };
        worker.tell(&welcome, &[self.board.file(), worker.pad.file(), outputs]);
        tracing::debug!(target: "maitred", worker = order.number, pid, "worker process started");
        self.view.started(order.number, order.reason);
        self.workers.insert(serial, worker);
        Ok(())
    }

    /// Writes to the board who sits where. That changes rarely, but an application may have written
    /// anything there.
    pub(super) fn show_workers(&self) {
        self.board.show_shape();
        for (&serial, worker) in &self.workers {
            let Some(seat) = self.board.seat(worker.seat) else { continue };
            seat.set_number(worker.number as u64);
            seat.set_generation(serial);
            seat.set_pid(worker.pid.unwrap_or(0).into());
            seat.set_state(match worker.state {
                WorkerState::Starting => SeatState::Starting,
                WorkerState::Ready => SeatState::Ready,
                WorkerState::Retiring => SeatState::Retiring,
            });
        }
    }
}

/// What a process had when it ended that nobody will count, of at most so many connections: the board
/// may hold any number.
pub(super) fn lost_with(seat: &Seat<'_>, connection_limit: usize) -> Lost {
    let most = connection_limit as u64;
    let connections = seat.open_and_staying().min(most);
    let requests = seat.slots().filter_map(|slot| slot.read());
    let running = requests.filter(|request| !request.is_answered);
    Lost {
        connections,
        requests: running.map(|request| request.method).collect(),
        waiting: seat.waiting().min(connections),
    }
}

/// What a process runs, for the log.
pub(super) fn running_in(seat: &Seat<'_>) -> String {
    let requests = seat.slots().filter_map(|slot| slot.read());
    let texts: Vec<_> = requests.map(|it| format!("{} {}", it.method, it.path)).collect();
    texts.join(", ")
}

/// Logs that a worker has died, and what it ran.
pub(super) fn report_death(worker: &Worker, status: Option<ExitStatus>, seat: &Seat<'_>) {
    let now = monotonic_ns();
    let (number, pid) = (worker.number, worker.pid);
    let status = status.map_or("unknown".to_owned(), |status| status.to_string());
    let requests: Vec<_> = seat.slots().filter_map(|slot| slot.read()).collect();
    tracing::error!(
        target: "maitred",
        worker = number, pid,
        running = requests.len(),
        waiting = seat.waiting(),
        connections = seat.open_and_staying(),
        "a worker process died ({status})"
    );
    for request in requests {
        let seconds = Duration::from_nanos(now.saturating_sub(request.since)).as_secs_f64();
        tracing::error!(
            target: "maitred",
            worker = number, pid,
            method = request.method,
            path = request.path,
            request_id = (!request.request_id.is_empty()).then_some(request.request_id),
            seconds,
            "this request was running when the worker process died"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Board, Shape};

    #[test]
    fn what_a_dead_process_had_sent_to_others_is_not_lost_with_it() {
        let board = Board::create(Shape::new(1, 1, 1), &std::env::temp_dir()).unwrap();
        let seat = board.seat(0).unwrap();
        seat.set_open(5);
        seat.set_departing(2);
        seat.set_waiting(9);
        let lost = |limit| lost_with(&seat, limit);
        assert_eq!((lost(100).connections, lost(100).waiting), (3, 3));
        assert_eq!((lost(1).connections, lost(1).waiting), (1, 1));
    }
}
