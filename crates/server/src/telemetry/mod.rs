//! Telemetry of a running server: it receives a closed set of events, and turns them into metrics,
//! log lines and the access log.
//!
//! `families` names the metrics, `labels` the values of their labels, and `layout` says where each
//! number stands. `counters` counts events as they happen, in `cells`; `scrape` reads `values` at scrape
//! time, and `exposition` writes both. `warnings` writes log lines about single requests, and `status`
//! renders the status page.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, Weak};
use std::time::{Duration, Instant};

use maitred_config::{ConnectionLimitAction, Settings};
use maitred_http_parser::fault::Stage;

#[cfg(unix)]
use crate::board::Place;
use crate::system::clock::Clock;

mod access_log;
pub mod calendar;
pub(crate) mod cell_block;
pub mod cells;
mod connections;
pub mod console;
mod counters;
pub mod exposition;
pub mod families;
mod handoffs;
mod histogram;
pub mod in_words;
mod interpreter;
pub mod json_line;
mod labels;
pub mod layout;
pub mod line_output;
pub mod overview;
pub(crate) mod rate_limit;
pub(crate) mod record;
pub(crate) mod scrape;
pub(crate) mod snapshot;
mod status;
pub(crate) mod stopwatch;
pub mod totals;
mod trace_context;
pub mod values;
mod warnings;
pub mod workers;

pub use access_log::{ECS_VERSION, OpenError};
pub use interpreter::Interpreter;
#[cfg(unix)]
pub(crate) use labels::HandoffRefusal;
pub(crate) use labels::{
    CloseReason, ConnectionState, DisconnectStage, HandoffReason, RejectReason,
};

use self::access_log::AccessLog;
use self::cells::Cells;
use self::labels::{LogStream, Method};
use self::record::{Record, RequestOutcome};
use self::snapshot::{ServerPhase, Subject, Threads};
use self::stopwatch::Stopwatch;
use self::warnings::Warnings;
use crate::system::mutex::Mutex;
use crate::system::process_usage::{self, ProcessUsage};

/// Why a server is not ready, and at last not alive, whose threads are all past `request-timeout`.
pub(crate) const ALL_STUCK: &str = "all threads are stuck";

/// The limits that a scrape repeats, and what the log says of them.
#[derive(Clone, Copy, Debug)]
struct ShownLimits {
    threads: usize,
    queue: usize,
    connections: usize,
    action: ConnectionLimitAction,
    /// How long all threads may be stuck before the server counts as dead.
    stuck: Option<Duration>,
}

/// Counts and reports events.
#[derive(Debug)]
pub struct Telemetry {
    cells: Cells,
    /// The number of the process, which is the label `worker`.
    worker: usize,
    /// Where a supervisor sees what only this process knows.
    #[cfg(unix)]
    place: Option<Place>,
    listeners: OnceLock<Vec<String>>,
    interpreter: Interpreter,
    /// Whether its GIL has been enabled since.
    is_gil_enabled: AtomicBool,
    settings: serde_json::Value,
    server_log_dropped: Option<fn() -> u64>,
    /// How many of them have been counted.
    server_log_dropped_counted: AtomicU64,
    /// Reads the metrics of this process.
    read_process: fn() -> ProcessUsage,
    limits: ShownLimits,
    /// The maximum number of connections, if the system allows fewer than the settings.
    connections_possible: OnceLock<usize>,
    log_socket_errors: bool,
    requests: AtomicU64,
    pause: Mutex<Stopwatch>,
    subject: OnceLock<Weak<dyn Subject>>,
    /// The usage of the threads when the server stopped.
    last_threads: Mutex<Threads>,
    /// The clock of the server.
    clock: Arc<Clock>,
    began: Instant,
    access_log: OnceLock<AccessLog>,
    lines: Warnings,
}

impl Telemetry {
    /// Telemetry of the only process, in which nothing has been counted.
    pub fn new(settings: &Settings) -> Self {
        let clock = Arc::new(Clock::new());
        Self {
            cells: Cells::on_heap(),
            worker: 0,
            #[cfg(unix)]
            place: None,
            listeners: OnceLock::new(),
            interpreter: Interpreter::default(),
            is_gil_enabled: AtomicBool::new(false),
            settings: serde_json::Value::Null,
            server_log_dropped: None,
            server_log_dropped_counted: AtomicU64::new(0),
            read_process: process_usage::read,
            limits: ShownLimits {
                threads: settings.limits.threads,
                queue: settings.limits.queue,
                connections: settings.limits.connections,
                action: settings.limits.connection_limit_action,
                stuck: settings.processes.worker_timeout,
            },
            connections_possible: OnceLock::new(),
            log_socket_errors: settings.observability.log_socket_errors,
            requests: AtomicU64::new(0),
            pause: Mutex::default(),
            subject: OnceLock::new(),
            last_threads: Mutex::default(),
            began: clock.instant(),
            clock,
            access_log: OnceLock::new(),
            lines: Warnings::default(),
        }
    }

    /// Makes it count at the place of a worker of a supervisor; `None` if that has too few counters.
    #[must_use]
    #[cfg(unix)]
    pub fn at(self, place: &Place) -> Option<Self> {
        let cells = Cells::shared(Arc::new(place.clone()))?;
        Some(Self { cells, worker: place.number(), place: Some(place.clone()), ..self })
    }

    /// Telemetry that nobody reads and that logs nothing, for connections that do not count.
    pub(crate) fn silent() -> Self {
        Self { lines: Warnings::none(), ..Self::new(&Settings::default()) }
    }

    /// Makes the server use this clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<Clock>) -> Self {
        Self { began: clock.instant(), clock, ..self }
    }

    /// Sets the settings that `/statusz` shows: an object of names, values and origins, without
    /// secrets.
    #[must_use]
    pub fn with_settings_shown(self, settings: serde_json::Value) -> Self {
        Self { settings, ..self }
    }

    /// Sets the source of the number of dropped log records.
    #[must_use]
    pub fn with_log_dropped(self, dropped: fn() -> u64) -> Self {
        Self { server_log_dropped: Some(dropped), ..self }
    }

    /// The system allows so few connections, fewer than the settings.
    pub(crate) fn connections_capped(&self, possible: usize) {
        // Set once: a process serves once.
        let _ = self.connections_possible.set(possible);
    }

    /// The limits, as far as the system allows them.
    fn limits(&self) -> ShownLimits {
        let possible = self.connections_possible.get().copied().unwrap_or(usize::MAX);
        ShownLimits { connections: self.limits.connections.min(possible), ..self.limits }
    }

    /// The number of ended requests.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether the server works: it does not if all threads have been stuck for `worker-timeout`.
    ///
    /// # Errors
    /// The reason if it does not, in a few words.
    pub fn liveness(&self) -> Result<(), &'static str> {
        let stuck_for = self.subject().and_then(|subject| subject.stuck_for());
        match (stuck_for, self.limits.stuck) {
            (Some(time), Some(limit)) if time >= limit => Err(ALL_STUCK),
            _ => Ok(()),
        }
    }

    /// Whether the server is ready.
    ///
    /// # Errors
    /// The reason if it is not, in a few words.
    pub fn readiness(&self) -> Result<(), &'static str> {
        match self.phase() {
            None => Err("starting"),
            Some(ServerPhase::Serving) if self.is_all_stuck() => Err(ALL_STUCK),
            Some(ServerPhase::Serving) => Ok(()),
            Some(ServerPhase::Draining) => Err("draining"),
            Some(ServerPhase::Stopped) => Err("stopped"),
        }
    }

    /// Whether the server has started: the application is loaded and the listeners are open.
    pub fn has_started(&self) -> bool {
        self.subject.get().is_some()
    }

    /// Whether the server is draining or has stopped.
    pub fn is_draining(&self) -> bool {
        self.phase() >= Some(ServerPhase::Draining)
    }

    fn is_all_stuck(&self) -> bool {
        self.subject().is_some_and(|subject| subject.stuck_for().is_some())
    }

    /// How far the server has come, if it has started.
    fn phase(&self) -> Option<ServerPhase> {
        let subject = self.subject.get()?;
        Some(subject.upgrade().map_or(ServerPhase::Stopped, |subject| subject.phase()))
    }

    /// The application raised an exception.
    pub fn application_raised(&self, stage: Stage) {
        self.cells.count(counters::APP_EXCEPTIONS.at(stage));
    }

    /// Reopens the access log, after its file has been moved.
    pub fn reopen_logs(&self) {
        if let Some(log) = self.access_log.get() {
            log.reopen();
        }
    }

    /// Opens the access log, if the settings have one.
    pub(crate) fn open_access_log(&self, settings: &Settings) -> Result<(), OpenError> {
        let cells = self.cells.clone();
        let dropped = counters::LOG_DROPPED.at(LogStream::Access);
        let log = AccessLog::open(settings, self.worker, Arc::clone(&self.clock), move |lines| {
            cells.block().add(dropped, lines);
        })?;
        if let Some(log) = log {
            self.access_log.get_or_init(|| log);
        }
        Ok(())
    }

    /// A request waited this long before it reached the server.
    pub(crate) fn waited_upstream(&self, waited: Duration) {
        counters::UPSTREAM_QUEUE.observe(self.cells.block(), waited);
    }

    /// The server has started; from now on, scrapes read its state.
    pub(crate) fn serving(&self, subject: Weak<dyn Subject>, listeners: &[String]) {
        let _ = self.listeners.set(listeners.to_vec());
        let _ = self.subject.set(subject);
    }

    /// The server has stopped; the usage of its threads is kept for the last scrape.
    pub(crate) fn ended(&self, threads: Threads) {
        *self.last_threads() = threads;
        if let Some(log) = self.access_log.get() {
            log.close();
        }
    }

    fn last_threads(&self) -> MutexGuard<'_, Threads> {
        self.last_threads.lock()
    }

    /// The server that is watched, while it runs.
    fn subject(&self) -> Option<Arc<dyn Subject>> {
        self.subject.get()?.upgrade()
    }

    /// The clock of the server.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    fn uptime(&self) -> Duration {
        self.clock.instant().saturating_duration_since(self.began)
    }

    fn pause(&self) -> MutexGuard<'_, Stopwatch> {
        self.pause.lock()
    }

    /// A worker thread has taken a request, which waited for this time.
    pub(crate) fn request_taken(&self, waited: Duration) {
        counters::QUEUE_WAIT.observe(self.cells.block(), waited);
    }

    /// A worker thread has finished a request, which occupied it for this time.
    pub(crate) fn request_served(&self, taken: Duration) {
        counters::APP_DURATION.observe(self.cells.block(), taken);
    }

    /// A request has ended. Called exactly once for each request.
    pub(crate) fn exchange_ended(&self, record: Record, now: Instant) {
        let code = record.code();
        let method =
            record.head.as_ref().map_or(Method::Other, |head| Method::of(head.method_token()));
        self.requests.fetch_add(1, Ordering::Relaxed);
        let cells = self.cells.block();
        cells.add(counters::requests(method, code), 1);
        let duration = now.saturating_duration_since(record.received_at);
        counters::request_duration(code).observe(cells, duration);
        if record.request_body_bytes > 0 {
            cells.add(counters::REQUEST_BYTES, record.request_body_bytes);
        }
        if record.response_body_bytes > 0 {
            cells.add(counters::RESPONSE_BYTES, record.response_body_bytes);
        }
        if let RequestOutcome::Abandoned(stage) = record.outcome {
            cells.add(counters::DISCONNECTS.at(stage), 1);
        }
        let Some(log) = self.access_log.get() else {
            if code >= 500 {
                self.server_error(&record, duration);
            }
            return;
        };
        if !log.push(record, now) {
            self.cells.count(counters::LOG_DROPPED.at(LogStream::Access));
        }
    }
}
