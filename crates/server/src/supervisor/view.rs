//! What the admin listener shows of all workers. The supervisor's thread publishes it, and the admin
//! thread reads it, together with the board: neither waits for a worker, nor for the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use super::facts::{ReloadResult, Serial, StartReason};
use super::fleet::Fleet;
use crate::admin::{Report, ServerTotals};
use crate::board::{Board, Place, Seat, Seen, monotonic_ns};
use crate::system::mutex::Mutex;
use crate::telemetry::Interpreter;
use crate::telemetry::cells::Cells;
use crate::telemetry::exposition::{Exposition, Numbers};
use crate::telemetry::layout::VALUES;
use crate::telemetry::overview::Overview;
use crate::telemetry::values::Values;
use crate::telemetry::workers::{self, WorkersExposition};

mod overview;

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

/// What has happened to worker processes, for metrics.
#[derive(Debug, Default)]
struct Counts {
    starts: BTreeMap<&'static str, u64>,
    exits: BTreeMap<&'static str, u64>,
    reloads: BTreeMap<&'static str, u64>,
    /// The time in which fewer workers than intended were ready.
    short: Duration,
}

/// How worker processes end, in metrics.
const EXITS: [&str; 5] = ["retired", "killed", "signal", "status", "start_failed"];

/// How reloads end, in metrics.
const RELOADS: [&str; 3] = ["complete", "stopped", "refused"];

#[derive(Debug, Default)]
struct Published {
    is_ready: bool,
    has_started: bool,
    is_draining: bool,
    wanted: usize,
    workers: Vec<WorkerView>,
    reload: Option<(usize, usize)>,
    last_reload: Option<ReloadResult>,
    uptime: Duration,
    counts: Counts,
    /// How many numbers have had a process: a number that has counted stays in every scrape.
    numbers: usize,
    /// The last whole record that each seat has published.
    values: BTreeMap<usize, Values>,
}

/// The state of all workers.
#[derive(Debug)]
pub struct View {
    board: Arc<Board>,
    published: Mutex<Published>,
    /// When the supervisor's loop last ran, in monotonic nanoseconds.
    beat: AtomicU64,
    about: About,
}

/// What is shown of the server as a whole.
#[derive(Clone, Debug)]
pub struct About {
    /// The interpreter that runs the workers.
    pub interpreter: Interpreter,
    /// The settings: an object of names, values and origins, without secrets.
    pub settings: Value,
    /// The names of the listeners.
    pub listeners: Vec<String>,
}

impl View {
    /// A view of a supervisor that has not begun.
    pub fn new(board: Arc<Board>, about: About) -> Self {
        Self { board, published: Mutex::default(), beat: AtomicU64::new(monotonic_ns()), about }
    }

    fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock()
    }

    /// Shows the state of now.
    pub(super) fn publish(&self, fleet: &Fleet, workers: Vec<WorkerView>, uptime: Duration) {
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
        published.uptime = uptime;
    }

    /// A process of a number has been started.
    pub(super) fn started(&self, number: usize, reason: StartReason) {
        let mut published = self.published();
        published.numbers = published.numbers.max(number + 1);
        *published.counts.starts.entry(reason.name()).or_default() += 1;
    }

    /// A process has ended, in one of the ways of [`EXITS`]. What it has summed up and not counted is
    /// added to the counters of its number, in one step for whoever scrapes.
    pub(super) fn ended(&self, number: usize, seat: usize, how: &'static str) {
        let mut published = self.published();
        *published.counts.exits.entry(how).or_default() += 1;
        published.workers.retain(|worker| worker.seat != seat);
        let last = published.values_of(&self.board, seat);
        if let (Some(cells), Some(last)) = (self.cells(number), last) {
            cells.settle(&last);
        }
        published.values.remove(&seat);
    }

    /// A reload has ended.
    pub(super) fn reload_ended(&self, result: ReloadResult) {
        let how = match result {
            ReloadResult::Complete { .. } => "complete",
            ReloadResult::Stopped { .. } => "stopped",
            ReloadResult::Busy | ReloadResult::NoRoom | ReloadResult::TooMany => "refused",
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

    /// The counters of a number.
    fn cells(&self, number: usize) -> Option<Cells> {
        Cells::shared(Arc::new(Place::new(Arc::clone(&self.board), 0, number)?))
    }
}

impl Published {
    /// What a seat has published: its last whole record, if this one is just being written.
    fn values_of(&mut self, board: &Board, seat: usize) -> Option<Values> {
        let mut words = [0; VALUES];
        if board.seat(seat)?.published().read(&mut words) == Seen::Whole {
            self.values.insert(seat, Values::from_words(&words));
        }
        self.values.get(&seat).cloned()
    }

    /// What all processes of a number have published.
    fn values_of_number(&mut self, board: &Board, number: usize) -> Values {
        let of_number = self.workers.iter().filter(|worker| worker.number == number);
        let seats: Vec<_> = of_number.map(|worker| worker.seat).collect();
        let mut sum = Values::default();
        for seat in seats {
            if let Some(values) = self.values_of(board, seat) {
                sum.add(&values);
            }
        }
        sum
    }

    /// The metrics of the supervisor itself.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    fn write_workers(&self, board: &Board, out: &mut WorkersExposition) {
        out.family(&workers::WORKERS);
        for state in WorkerState::ALL {
            let count = self.workers.iter().filter(|worker| worker.state == state).count();
            out.sample(&workers::WORKERS, None, &[state.name()], count as f64);
        }
        out.family(&workers::LIMIT);
        out.sample(&workers::LIMIT, None, &[], self.wanted as f64);
        out.family(&workers::SHORT_SECONDS);
        out.sample(&workers::SHORT_SECONDS, None, &[], self.counts.short.as_secs_f64());
        let reasons = StartReason::ALL.map(StartReason::name);
        for (family, labels, counts) in [
            (&workers::STARTS, &reasons[..], &self.counts.starts),
            (&workers::EXITS, &EXITS[..], &self.counts.exits),
            (&workers::RELOADS, &RELOADS[..], &self.counts.reloads),
        ] {
            out.family(family);
            for label in labels {
                let count = counts.get(label).copied().unwrap_or(0);
                out.sample(family, None, &[label], count as f64);
            }
        }
        let newest = |number: usize| {
            let of_number = self.workers.iter().filter(move |worker| worker.number == number);
            of_number.max_by_key(|worker| worker.serial)
        };
        out.family(&workers::GENERATION);
        for worker in (0..self.numbers).filter_map(newest) {
            out.sample(&workers::GENERATION, Some(worker.number), &[], worker.serial as f64);
        }
        out.family(&workers::BEAT_AGE);
        let now = monotonic_ns();
        for worker in (0..self.numbers).filter_map(newest) {
            let Some(seat) = board.seat(worker.seat) else { continue };
            let age = Duration::from_nanos(now.saturating_sub(seat.io_beat()));
            out.sample(&workers::BEAT_AGE, Some(worker.number), &["io"], age.as_secs_f64());
        }
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
            () if published.is_ready => Ok(()),
            () if published.has_started => Err("no worker is ready"),
            () => Err("starting"),
        }
    }

    fn scrape(&self) -> String {
        let mut published = self.published();
        let numbers: Vec<_> = (0..published.numbers)
            .filter_map(|number| {
                let values = published.values_of_number(&self.board, number);
                Some((number.to_string(), self.cells(number)?, values))
            })
            .collect();
        let mut own = WorkersExposition::default();
        published.write_workers(&self.board, &mut own);
        drop(published);
        let workers: Vec<_> = numbers
            .iter()
            .map(|(worker, cells, values)| Numbers { worker, cells, values })
            .collect();
        let exposition = Exposition {
            interpreter: &self.about.interpreter,
            listeners: &self.about.listeners,
            backlogs: &[],
            workers: &workers,
        };
        exposition.write() + &own.into_text()
    }

    fn overview(&self, _stacks: Option<Duration>) -> Overview {
        self.current_overview()
    }

    fn totals(&self) -> ServerTotals {
        self.current_totals()
    }

    fn status(&self, _stacks: Option<Duration>) -> Value {
        let state = self.readiness().err().unwrap_or("ready");
        let published = self.published();
        let workers: Vec<_> = published
            .workers
            .iter()
            .filter_map(|worker| Some(describe(worker, &self.board.seat(worker.seat)?)))
            .collect();
        let Interpreter { version, implementation, gil } = &self.about.interpreter;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "interpreter": { "version": version, "implementation": implementation, "gil": gil },
            "pid": std::process::id(),
            "state": state,
            "uptime_seconds": published.uptime.as_secs_f64(),
            "settings": self.about.settings,
            "supervisor": {
                "workers": published.wanted,
                "reload": reload(published.reload, published.last_reload),
            },
            "workers": workers,
        })
    }
}

/// A worker, for a person.
fn describe(worker: &WorkerView, seat: &Seat<'_>) -> Value {
    let now = monotonic_ns();
    let seconds = |since: u64| Duration::from_nanos(now.saturating_sub(since)).as_secs_f64();
    let running: Vec<_> = seat
        .slots()
        .filter_map(|slot| slot.read())
        .map(|request| {
            json!({
                "method": request.method,
                "path": request.path,
                "request_id": (!request.request_id.is_empty()).then_some(request.request_id),
                "seconds": seconds(request.since),
            })
        })
        .collect();
    json!({
        "number": worker.number,
        "pid": worker.pid,
        "generation": worker.serial,
        "state": worker.state.name(),
        "started_for": worker.reason.name(),
        "seconds": worker.age.as_secs_f64(),
        "io_beat_seconds": seconds(seat.io_beat()),
        "requests": seat.requests(),
        "connections": seat.open(),
        "queue": seat.waiting(),
        "threads": { "count": seat.threads(), "busy": seat.busy() },
        "running": running,
    })
}

fn reload(progress: Option<(usize, usize)>, last: Option<ReloadResult>) -> Value {
    match (progress, last) {
        (Some((replaced, of)), _) => json!(format!("running: {replaced} of {of} replaced")),
        (None, Some(result)) => json!(result.to_string()),
        (None, None) => Value::Null,
    }
}
