//! What the admin listener shows of all workers. The supervisor's thread publishes it, and the admin
//! thread reads it, together with the board: neither waits for a worker, nor for the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

use super::facts::{ReloadResult, Serial, StartReason};
use super::fleet::Fleet;
use super::handle::SupervisorHandle;
use super::scrape;
use super::stacks::AskedStacks;
use crate::admin::{Report, ServerTotals};
use crate::board::{Board, Place, monotonic_ns};
use crate::system::mutex::Mutex;
use crate::system::tcp_info::AcceptQueue;
use crate::telemetry::cells::{Cells, Lost};
use crate::telemetry::exposition::ShownSeconds;
use crate::telemetry::overview::Overview;
use crate::telemetry::values::Values;
use crate::telemetry::{ALL_STUCK, CloseReason, Interpreter};

mod overview;
mod status;

/// The age of the supervisor's beat from which it counts as dead: it looks every second.
const BEAT_MAX: Duration = Duration::from_secs(10);

/// What a worker process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It imports the application.
    Starting,
    /// It serves.
    Ready,
    /// It ends.
    Retiring,
}

impl WorkerState {
    /// Every state, in the order of metrics.
    pub const ALL: [Self; 3] = [Self::Starting, Self::Ready, Self::Retiring];

    /// How it is written in metrics and on the status page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Retiring => "retiring",
        }
    }
}

/// A worker process, as the supervisor knows it.
#[derive(Clone, Debug)]
pub struct WorkerView {
    /// How many processes were started before it.
    pub serial: Serial,
    /// Its number.
    pub number: usize,
    /// Its pid.
    pub pid: u32,
    /// Its seat on the board.
    pub seat: usize,
    /// What it is doing.
    pub state: WorkerState,
    /// Why it was started.
    pub reason: StartReason,
    /// How long ago.
    pub age: Duration,
}

/// A process that workers are forked from, as the supervisor knows it.
#[derive(Clone, Debug)]
pub struct MoldView {
    /// Its pid.
    pub pid: u32,
    /// What it is doing.
    pub state: &'static str,
    /// How long ago it was started.
    pub age: Duration,
}

/// What has happened to worker processes, for metrics.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) starts: BTreeMap<&'static str, u64>,
    pub(super) exits: BTreeMap<&'static str, u64>,
    pub(super) reloads: BTreeMap<&'static str, u64>,
    /// The time in which fewer workers than intended were ready.
    pub(super) short: Duration,
}

/// How worker processes end, in metrics.
pub(super) const EXITS: [&str; 5] = ["retired", "killed", "signal", "status", "start_failed"];

/// How reloads end, in metrics.
pub(super) const RELOADS: [&str; 3] = ["complete", "stopped", "refused"];

#[derive(Debug, Default)]
pub(super) struct Published {
    is_ready: bool,
    has_started: bool,
    is_draining: bool,
    pub(super) wanted: usize,
    pub(super) workers: Vec<WorkerView>,
    molds: Vec<MoldView>,
    /// Whether workers can be forked; `None` without `preload`.
    pub(super) is_preloaded: Option<bool>,
    /// The accept queues of the listening sockets.
    pub(super) backlogs: Vec<(String, AcceptQueue)>,
    reload: Option<(usize, usize)>,
    last_reload: Option<ReloadResult>,
    uptime: Duration,
    pub(super) counts: Counts,
    /// How many numbers have had a process: a number that has counted stays in every scrape.
    pub(super) numbers: usize,
    /// The seconds that were last shown of each number.
    pub(super) seconds: BTreeMap<usize, ShownSeconds>,
    /// The last whole record that each seat has published.
    pub(super) values: BTreeMap<usize, Values>,
}

/// The state of all workers.
#[derive(Debug)]
pub struct View {
    pub(super) board: Arc<Board>,
    published: Mutex<Published>,
    /// Asks the supervisor for something, once there is one.
    pub(super) supervisor: OnceLock<SupervisorHandle>,
    pub(super) asked_stacks: AskedStacks,
    /// When the supervisor's loop last ran, in monotonic nanoseconds.
    beat: AtomicU64,
    pub(super) about: About,
    /// The settings, of which a reload brings others.
    settings: Mutex<Value>,
}

/// What is shown of the server as a whole.
#[derive(Clone, Debug)]
pub struct About {
    /// The interpreter of the supervisor, which is that of the workers but for what these import.
    pub interpreter: Interpreter,
    /// The names of the listeners.
    pub listeners: Vec<String>,
    /// Whether each worker has series of its own.
    pub metrics_by_worker: bool,
}

impl View {
    /// A view of a supervisor that has not begun.
    ///
    /// The settings are an object of names, values and origins, without secrets.
    pub fn new(board: Arc<Board>, about: About, settings: Value) -> Self {
        Self {
            board,
            published: Mutex::default(),
            supervisor: OnceLock::new(),
            asked_stacks: AskedStacks::default(),
            beat: AtomicU64::new(monotonic_ns()),
            about,
            settings: Mutex::new(settings),
        }
    }

    /// The supervisor that it is a view of.
    pub(super) fn asks(&self, supervisor: SupervisorHandle) {
        self.supervisor.get_or_init(|| supervisor);
    }

    pub(super) fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock()
    }

    /// Shows the state of now.
    pub(super) fn publish(
        &self,
        fleet: &Fleet,
        (workers, molds): (Vec<WorkerView>, Vec<MoldView>),
        backlogs: Vec<(String, AcceptQueue)>,
        uptime: Duration,
    ) {
        self.beat.store(monotonic_ns(), Ordering::Relaxed);
        let mut published = self.published();
        if published.has_started && !published.is_draining && fleet.ready() < fleet.wanted() {
            let since_last = uptime.saturating_sub(published.uptime);
            published.counts.short += since_last;
        }
        published.is_ready = fleet.is_ready();
        published.has_started = fleet.has_started();
        published.is_draining = fleet.is_draining();
        published.wanted = fleet.wanted();
        published.reload = fleet.reload_progress();
        published.workers = workers;
        published.molds = molds;
        published.is_preloaded = fleet.is_preloaded();
        published.backlogs = backlogs;
        published.uptime = uptime;
    }

    /// A process of a number has been started.
    pub(super) fn started(&self, number: usize, reason: StartReason) {
        let mut published = self.published();
        published.numbers = published.numbers.max(number + 1);
        *published.counts.starts.entry(reason.name()).or_default() += 1;
    }

    /// A process has ended, in one of the ways of [`EXITS`]. What it has summed up and not counted is
    /// added to the counters of its number, and so is what was lost with it, in one step for whoever
    /// scrapes.
    pub(super) fn ended(&self, number: usize, seat: usize, how: &'static str, lost: &Lost) {
        let mut published = self.published();
        *published.counts.exits.entry(how).or_default() += 1;
        published.workers.retain(|worker| worker.seat != seat);
        let last = published.values_of(&self.board, seat);
        if let Some(cells) = self.cells(number) {
            cells.lose(lost, CloseReason::WorkerDied);
            cells.settle(&last.unwrap_or_default());
        }
        published.values.remove(&seat);
    }

    /// Connections have ended on their way to a process of a number.
    pub(super) fn lost_on_the_way(&self, number: usize, lost: &Lost) {
        // In one step for whoever scrapes.
        let _published = self.published();
        if let Some(cells) = self.cells(number).or_else(|| self.cells(0)) {
            cells.lose(lost, CloseReason::Error);
        }
    }

    /// The server has these settings from now on.
    pub(super) fn has_settings(&self, settings: Value) {
        *self.settings.lock() = settings;
    }

    /// A reload has ended.
    pub(super) fn reload_ended(&self, result: ReloadResult) {
        let how = match result {
            ReloadResult::Complete { .. } => "complete",
            ReloadResult::CannotStart | ReloadResult::Stopped { .. } => "stopped",
            ReloadResult::Busy
            | ReloadResult::Stopping
            | ReloadResult::NoRoom
            | ReloadResult::TooMany
            | ReloadResult::InvalidSettings => "refused",
        };
        let mut published = self.published();
        *published.counts.reloads.entry(how).or_default() += 1;
        published.last_reload = Some(result);
    }

    /// The resident memory of the process of a seat; 0 if it is not known.
    pub(super) fn resident_bytes(&self, seat: usize) -> u64 {
        let values = self.published().values_of(&self.board, seat);
        values.and_then(|values| values.resident_bytes()).unwrap_or(0)
    }

    /// The interpreter as the workers have it.
    pub fn interpreter(&self) -> Interpreter {
        self.published().interpreter(&self.about, &self.board)
    }

    /// The counters of a number.
    pub(super) fn cells(&self, number: usize) -> Option<Cells> {
        Cells::shared(Arc::new(Place::new(Arc::clone(&self.board), 0, number)?))
    }
}

impl Published {
    /// The interpreter as the workers have it: an import may have enabled the GIL of one.
    pub(super) fn interpreter(&self, about: &About, board: &Board) -> Interpreter {
        let seats = self.workers.iter().filter_map(|worker| board.seat(worker.seat));
        let mut interpreter = about.interpreter.clone();
        if seats.into_iter().any(|seat| seat.gil_enabled() == 1) {
            "enabled".clone_into(&mut interpreter.gil);
        }
        interpreter
    }

    /// Whether every worker that is ready has only threads that are stuck.
    fn are_all_stuck(&self, board: &Board) -> bool {
        let ready = self.workers.iter().filter(|worker| worker.state == WorkerState::Ready);
        let is_stuck = |worker: &WorkerView| {
            board.seat(worker.seat).is_some_and(|seat| seat.stuck_since() > 0)
        };
        let mut ready = ready.peekable();
        ready.peek().is_some() && ready.all(is_stuck)
    }
}

impl Report for View {
    fn liveness(&self) -> Result<(), &'static str> {
        let age = monotonic_ns().saturating_sub(self.beat.load(Ordering::Relaxed));
        match Duration::from_nanos(age) > BEAT_MAX {
            true => Err("the supervisor does not react"),
            false => Ok(()),
        }
    }

    fn has_started(&self) -> bool {
        self.published().has_started
    }

    fn readiness(&self) -> Result<(), &'static str> {
        let published = self.published();
        match () {
            () if published.is_draining => Err("draining"),
            () if published.is_ready && published.are_all_stuck(&self.board) => Err(ALL_STUCK),
            () if published.is_ready => Ok(()),
            () if published.has_started => Err("no worker is ready"),
            () => Err("starting"),
        }
    }

    fn scrape(&self) -> String {
        scrape::scrape(self)
    }

    fn overview(&self, stacks: Option<Duration>) -> Overview {
        self.current_overview(stacks)
    }

    fn totals(&self) -> ServerTotals {
        self.current_totals()
    }

    fn status(&self, stacks: Option<Duration>) -> Value {
        self.current_status(stacks)
    }
}

/// How a reload goes on, or the last one has ended.
fn reload(progress: Option<(usize, usize)>, last: Option<ReloadResult>) -> Value {
    match (progress, last) {
        (Some((replaced, of)), _) => json!(format!("running: {replaced} of {of} replaced")),
        (None, Some(result)) => json!(result.to_string()),
        (None, None) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use maitred_config::Settings;

    use super::*;
    use crate::board::Shape;
    use crate::telemetry::Telemetry;
    use crate::telemetry::layout::CELLS;

    #[test]
    fn the_gil_is_enabled_once_an_import_has_enabled_it_in_a_worker() {
        let board = Board::create(Shape::new(2, 1, CELLS), &std::env::temp_dir()).unwrap();
        let board = Arc::new(board);
        let interpreter = Interpreter { gil: "disabled".into(), ..Interpreter::default() };
        let about = About {
            interpreter: interpreter.clone(),
            listeners: Vec::new(),
            metrics_by_worker: true,
        };
        let view = View::new(Arc::clone(&board), about, Value::Null);
        let worker = WorkerView {
            serial: 0,
            number: 0,
            pid: 1,
            seat: 3,
            state: WorkerState::Ready,
            reason: StartReason::Start,
            age: Duration::ZERO,
        };
        view.started(0, StartReason::Start);
        view.published().workers.push(worker);
        let told = || (view.status(None)["interpreter"]["gil"].clone(), view.scrape());
        let (gil, metrics) = told();
        assert_eq!(gil, "disabled");
        assert!(metrics.contains("gil=\"disabled\""), "{metrics}");

        let place = Place::new(Arc::clone(&board), 3, 0).unwrap();
        let telemetry = Telemetry::new(&Settings::default()).with_interpreter(interpreter);
        let telemetry = telemetry.at(&place).unwrap();
        assert!(telemetry.gil_enabled() && !telemetry.gil_enabled());
        let (gil, metrics) = told();
        assert_eq!(gil, "enabled");
        assert!(metrics.contains("gil=\"enabled\""), "{metrics}");
        assert_eq!(view.interpreter().gil, "enabled");
        // The process that has the seat next has not imported it.
        board.seat(3).unwrap().begin_anew(0, 1, 0);
        assert_eq!(view.interpreter().gil, "disabled");
    }
}
