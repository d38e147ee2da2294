//! The supervisor at work, with processes that do nothing.

use std::os::fd::OwnedFd;
use std::process::{self, Child};

use serde_json::Value;

use super::*;
use crate::board::Shape;
use crate::supervisor::facts::{FleetLimits, StartFailure, Wanted};
use crate::supervisor::reaping::KILLED_WITHIN;
use crate::supervisor::recycling::Recycling;
use crate::supervisor::view::About;
use crate::supervisor::workers::{Reaping, WorkerOptions};
use crate::system::child::ExitStatus;
use crate::telemetry::Interpreter;
use crate::telemetry::layout::CELLS;

/// Starts processes that only the test reaps: to the supervisor they never end.
#[derive(Default)]
struct Undying {
    started: Vec<Child>,
    /// Whether the next one cannot be started.
    fails: bool,
}

impl Undying {
    fn start_one(&mut self) -> io::Result<u32> {
        if std::mem::take(&mut self.fails) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.started.push(process::Command::new("sleep").arg("600").spawn()?);
        Ok(self.started.last().map_or(0, Child::id))
    }
}

impl Drop for Undying {
    fn drop(&mut self) {
        for mut child in self.started.drain(..) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl WorkerProcesses for Undying {
    fn start(&mut self, _: &StartOrder, _: OwnedFd) -> io::Result<u32> {
        self.start_one()
    }

    fn start_mold(&mut self, _: OwnedFd) -> io::Result<u32> {
        self.start_one()
    }

    fn reaped(&mut self, _: u32, _: ExitStatus) {}

    fn reload(&mut self) -> Option<NewOptions> {
        None
    }

    fn happened(&mut self, _: Event) {}

    fn attend(&mut self) {}
}

fn supervisor(workers: usize, preload: bool, clock: &Arc<Clock>) -> Supervisor {
    let temp_dir = std::env::temp_dir();
    let of_worker = WorkerOptions {
        worker_timeout: None,
        connection_limit: 1,
        recycling: Recycling::default(),
    };
    let options = SupervisorOptions {
        wanted: Wanted { workers, periods: FleetLimits::TWO_WORKERS.periods },
        of_worker,
        cpus: 1,
        preload,
        start_failure: StartFailure::Ends,
        settle: Duration::ZERO,
        reaping: Reaping::Workers,
        temp_dir: temp_dir.clone(),
    };
    let board = Arc::new(Board::create(Shape::new(workers, 1, CELLS), &temp_dir).unwrap());
    let about = About {
        interpreter: Interpreter::default(),
        listeners: Vec::new(),
        metrics_by_worker: true,
    };
    let view = Arc::new(View::new(Arc::clone(&board), about, Value::Null));
    let listeners = Listeners { entries: Vec::new() };
    Supervisor::new(options, view, board, listeners, Arc::clone(clock)).unwrap()
}

#[test]
fn a_server_that_stops_does_not_wait_for_ever_for_who_does_not_end_when_killed() {
    for preload in [false, true] {
        let (clock, mut processes) = (Arc::new(Clock::standing()), Undying::default());
        let mut supervisor = supervisor(1, preload, &clock);
        supervisor.tell_fleet(Fact::Tick, &mut processes);
        assert_eq!(supervisor.workers.len() + supervisor.molds.len(), 1);
        clock.advance(KILLED_WITHIN);
        supervisor.leave_behind(&mut processes);
        supervisor.tell_fleet(Fact::Drain, &mut processes);
        clock.advance(KILLED_WITHIN - Duration::from_millis(1));
        supervisor.leave_behind(&mut processes);
        assert_eq!(supervisor.workers.len() + supervisor.molds.len(), 1);
        clock.advance(Duration::from_millis(1));
        supervisor.leave_behind(&mut processes);
        assert_eq!(supervisor.workers.len() + supervisor.molds.len(), 0);
        assert_eq!(supervisor.ended, Some(End::Drained));
    }
}

#[test]
fn a_process_that_is_started_beside_one_that_cannot_be_ends_with_their_reload() {
    let clock = Arc::new(Clock::standing());
    let mut processes = Undying::default();
    let mut supervisor = supervisor(20, false, &clock);
    supervisor.tell_fleet(Fact::Tick, &mut processes);
    for serial in 0..20 {
        supervisor.tell_fleet(Fact::Imported(serial), &mut processes);
        supervisor.tell_fleet(Fact::Ready(serial), &mut processes);
    }
    assert_eq!(supervisor.workers.len(), 20);
    processes.fails = true;
    let periods = FleetLimits::TWO_WORKERS.periods;
    supervisor.tell_fleet(Fact::Reload(Wanted { workers: 20, periods }), &mut processes);
    // Of the two that replace the first ones, the first could not be started.
    let killed = supervisor.workers.iter().filter(|(_, worker)| worker.killed_at.is_some());
    assert_eq!(killed.map(|(&serial, _)| serial).collect::<Vec<_>>(), [21]);
    assert_eq!(supervisor.fleet.reload_progress(), None);
}
