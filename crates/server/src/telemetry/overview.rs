//! What a server is doing at this moment, for people: the live page and `maitred top` show it.
//!
//! It says nothing that `/statusz` does not: paths without their queries, and no settings.

use std::time::Duration;

use serde::Serialize;

use super::labels::{ConnectionState, Label as _};
use super::snapshot::{Connections, Subject};
use super::values::Values;
use super::{Telemetry, families};

/// A server of one process, or a supervisor with its workers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Overview {
    /// `ready`, or why not.
    pub state: String,
    /// The version of the server.
    pub version: String,
    /// Name and version of the interpreter.
    pub interpreter: String,
    /// The process: the supervisor, if there is one.
    pub pid: u32,
    /// How long it has run.
    pub uptime_seconds: f64,
    /// How many worker processes there should be, and how a reload goes on or ended.
    pub supervisor: Option<SupervisorOverview>,
    /// The requests that wait for a thread.
    pub queue: QueueOverview,
    /// The connections in each state.
    pub connections: Vec<ConnectionCount>,
    /// The maximum number of connections.
    pub connections_limit: usize,
    /// The worker processes.
    pub workers: Vec<WorkerOverview>,
}

/// What a supervisor is about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SupervisorOverview {
    /// The intended number of worker processes.
    pub wanted: usize,
    /// The reload that runs, or how the last one ended.
    pub reload: Option<String>,
}

/// The queue of every process together.
#[derive(Clone, Debug, Default, Serialize)]
pub struct QueueOverview {
    /// Requests in it.
    pub requests: usize,
    /// The most that may be in it.
    pub limit: usize,
    /// How long the oldest one has waited.
    pub oldest_seconds: Option<f64>,
}

/// The connections in one state.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionCount {
    /// `idle`, `reading`, `queued`, `app` or `writing`.
    pub state: &'static str,
    /// How many.
    pub count: usize,
}

/// A worker process.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WorkerOverview {
    /// Its number.
    pub number: usize,
    /// Its process.
    pub pid: u32,
    /// `starting`, `ready`, `retiring` …
    pub state: String,
    /// How long it has run.
    pub uptime_seconds: f64,
    /// Requests that have ended there.
    pub requests: u64,
    /// Its resident memory, if it is known.
    pub resident_bytes: Option<u64>,
    /// Threads that take requests.
    pub threads: usize,
    /// Threads that run a request. The others are idle.
    pub busy: usize,
    /// What they run, as far as it is known here: a board has room for so many.
    pub running: Vec<RequestOverview>,
    /// The stacks of all its threads together, where those of single threads are not known.
    pub stacks: Option<String>,
}

/// A request that a thread runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RequestOverview {
    /// The name of the thread, which is the first only within its process.
    pub thread: String,
    /// Whether it was aborted after request-timeout, and still runs.
    pub is_stuck: bool,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The client, if it is known here.
    pub client: Option<String>,
    /// The request ID, if there is one.
    pub request_id: Option<String>,
    /// How long it has run.
    pub seconds: f64,
    /// The stack of its thread, if it was asked for.
    pub stack: Option<String>,
}

impl Overview {
    /// Adds the queue and the connections that a worker process has published.
    pub(crate) fn add(&mut self, values: &Values) {
        let value = |family, series| values.get(family, series).unwrap_or(0.0);
        self.queue.requests =
            self.queue.requests.saturating_add(whole(value(&families::QUEUE_REQUESTS, 0)));
        self.queue.limit = self.queue.limit.saturating_add(whole(value(&families::QUEUE_LIMIT, 0)));
        // One limit for all of them together.
        let limit = whole(value(&families::CONNECTIONS_LIMIT, 0));
        self.connections_limit = self.connections_limit.max(limit);
        if self.connections.is_empty() {
            let none = |state: &ConnectionState| ConnectionCount { state: state.name(), count: 0 };
            self.connections = ConnectionState::ALL.iter().map(none).collect();
        }
        for (state, connections) in self.connections.iter_mut().enumerate() {
            connections.count =
                connections.count.saturating_add(whole(value(&families::CONNECTIONS, state)));
        }
    }
}

/// A count that was published as a number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was a count")]
fn whole(count: f64) -> usize {
    count as usize
}

impl Telemetry {
    /// What the server is doing; with the stack of every thread that serves if `stacks` says how long
    /// the interpreter may be waited for. Blocks for no longer than that.
    pub fn overview(&self, stacks: Option<Duration>) -> Overview {
        let state = self.readiness().err().unwrap_or("ready");
        let limits = self.limits();
        let mut worker = WorkerOverview {
            pid: std::process::id(),
            state: state.to_owned(),
            uptime_seconds: self.uptime().as_secs_f64(),
            requests: self.requests(),
            resident_bytes: (self.read_process)().resident_bytes,
            ..WorkerOverview::default()
        };
        let mut queue = QueueOverview { limit: limits.queue, ..QueueOverview::default() };
        let mut connections = Connections::default();
        if let Some(subject) = self.subject() {
            let snapshot = subject.snapshot();
            queue.requests = snapshot.queued;
            queue.oldest_seconds = snapshot.oldest.map(|oldest| oldest.as_secs_f64());
            connections = snapshot.connections;
            worker.threads = subject.threads().count;
            worker.running = running(&*subject, stacks);
            worker.busy = worker.running.len();
        }
        let interpreter = &self.interpreter;
        Overview {
            state: state.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interpreter: format!("{} {}", interpreter.implementation, interpreter.version),
            pid: worker.pid,
            uptime_seconds: worker.uptime_seconds,
            supervisor: None,
            queue,
            connections: connections
                .named()
                .map(|(state, count)| ConnectionCount { state, count })
                .collect(),
            connections_limit: limits.connections,
            workers: vec![worker],
        }
    }
}

fn running(subject: &dyn Subject, stacks: Option<Duration>) -> Vec<RequestOverview> {
    let threads = subject.thread_statuses(stacks).into_iter();
    let running = threads.filter(|thread| thread.is_stuck || thread.request.is_some());
    running
        .map(|thread| {
            let mut running = RequestOverview {
                thread: thread.thread,
                is_stuck: thread.is_stuck,
                stack: thread.stack,
                ..RequestOverview::default()
            };
            if let Some(request) = thread.request {
                running.method = request.method;
                running.path = request.path;
                running.client = Some(request.client);
                running.request_id = request.request_id.as_deref().map(str::to_owned);
                running.seconds = request.runs_for.as_secs_f64();
            }
            running
        })
        .collect()
}
