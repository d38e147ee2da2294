//! Handles requests that take too long, on its own thread.
//!
//! A request that exceeds `request-timeout` is answered 504 on time: the monitor sleeps until the
//! next one can be due, and needs neither the I/O thread nor the interpreter. Work that needs the
//! interpreter (fetching the application's stack, replacing a stuck thread) is done by another
//! thread, the **recovery** thread, which may have to wait for it.
//!
//! `slow-request` only writes the application's stack to the log, once for each request.
//!
//! A process that stands still (a paused container or machine) gives its requests no time, so a
//! standstill counts for neither. It shows in a wait of the monitor that ends late.
//!
//! The monitor also sees threads that have ended by themselves, and the recovery thread replaces them.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::lifecycle::server_state::ServerState;
use crate::scheduling::standby::RunningRequest;
use crate::scheduling::workers::{Overdue, Replaced, WorkerThread, WorkerThreads};
use crate::system::clock::Clock;
use crate::system::mutex::{Condvar, Mutex};
use crate::telemetry::rate_limit::RateLimit;
use crate::telemetry::snapshot::RequestSummary;

/// The maximum time between two checks: the monitor is not notified of requests that begin meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How late a wait must end for the process to have stood still, and not only to have been busy.
const STANDSTILL_MIN: Duration = Duration::from_secs(1);

/// The maximum wait for the interpreter to supply stacks; then a line is logged without it.
pub(crate) const STACK_WITHIN: Duration = Duration::from_millis(500);

/// The maximum number of incidents that wait for the recovery thread.
const INCIDENTS_MAX: usize = 64;

/// The age of the oldest waiting request from which saturation is logged.
const WAITS_TOO_LONG: Duration = Duration::from_secs(1);

/// The thread `maitred-watch`, and its recovery thread.
#[derive(Debug)]
pub(crate) struct TimeoutMonitor {
    checks: Arc<Checks>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// What a check needs.
#[derive(Debug)]
pub(crate) struct Checks {
    server: Arc<ServerState>,
    incidents: SyncSender<Incident>,
    saturation_lines: RateLimit,
    /// Who checks.
    turn: Mutex<()>,
}

/// An incident for the recovery thread.
enum Incident {
    /// A request that takes too long.
    Overdue(OverdueRequest),
    /// A thread that ended unexpectedly.
    Ended(Arc<WorkerThread>),
}

/// A request that takes too long.
struct OverdueRequest {
    overdue: Overdue,
    thread: Arc<WorkerThread>,
    since: Instant,
    summary: RequestSummary,
}

impl TimeoutMonitor {
    /// Starts the monitor and the recovery thread.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(crate) fn start(server: Arc<ServerState>) -> std::io::Result<Self> {
        let (incidents, waiting) = mpsc::sync_channel(INCIDENTS_MAX);
        let recovered = Arc::clone(&server);
        // It is never joined, because it may wait for an interpreter that never answers.
        std::thread::Builder::new()
            .name("maitred-recover".into())
            .spawn(move || recover(&recovered, &waiting))?;
        let saturation_lines = RateLimit::new(1, Duration::from_secs(60));
        let turn = Mutex::new(());
        let checks = Arc::new(Checks { server, incidents, saturation_lines, turn });
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (checking, stopping) = (Arc::clone(&checks), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("maitred-watch".into())
            .spawn(move || watch(&checking, &stopping))?;
        Ok(Self { checks, stop, thread: Some(thread) })
    }

    /// What it checks, for tests.
    pub(crate) fn checks(&self) -> Arc<Checks> {
        Arc::clone(&self.checks)
    }
}

fn watch(checks: &Checks, (stop, changed): &(Mutex<bool>, Condvar)) {
    let clock = Clock::new(); // real time, also if a test's clock stands still
    let mut standstill = Duration::ZERO;
    let mut stopped = stop.lock();
    while !*stopped {
        drop(stopped);
        let turn = checks.turn.lock();
        let due = checks.check(standstill);
        drop(turn);
        let now = checks.server.shared.clock.instant();
        let wait = due.map_or(LOOK_AGAIN, |due| due.saturating_duration_since(now));
        let wait = wait.min(LOOK_AGAIN);
        let ends = clock.instant() + wait;
        stopped = stop.lock();
        (stopped, _) = changed.wait_timeout_while(stopped, wait, |stopped| !*stopped);
        let late = clock.instant().saturating_duration_since(ends);
        standstill = if late >= STANDSTILL_MIN { late } else { Duration::ZERO };
    }
}

impl Drop for TimeoutMonitor {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it has already been printed.
            let _ = thread.join();
        }
    }
}

impl Checks {
    /// Checks after a standstill, which passes now: the monitor sees nothing of it before.
    pub(crate) fn check_after(&self, standstill: Duration, pass: impl FnOnce()) {
        let _turn = self.turn.lock();
        pass();
        self.check(standstill);
    }

    /// Checks every thread, after a standstill, and returns when the next request can exceed its limit.
    /// Never waits.
    fn check(&self, standstill: Duration) -> Option<Instant> {
        let ServerState { settings, shared, workers, .. } = &*self.server;
        let now = shared.clock.instant();
        let mut next: Option<Instant> = None;
        let limits = [
            (Overdue::TimedOut, settings.timeouts.request),
            (Overdue::Slow, settings.timeouts.slow_request),
        ];
        for thread in workers.all() {
            if thread.take_unreported_end() {
                let incident = Incident::Ended(Arc::clone(&thread));
                if self.incidents.try_send(incident).is_err() {
                    thread.report_end_again(); // the next check tries again
                }
                continue;
            }
            let serving = thread.slot.serving();
            let stood = serving.as_ref().map_or(Duration::ZERO, |serving| {
                thread.stood_still(serving.since, standstill, now)
            });
            for (overdue, limit) in limits {
                let Some(limit) = limit else { continue };
                // Who serves nothing now may begin at once.
                let due = serving.as_ref().map_or(now, |serving| serving.since) + limit + stood;
                match &serving {
                    Some(serving) if due <= now => {
                        if thread.mark(overdue, serving.since) {
                            self.overdue(overdue, &thread, serving, now);
                        }
                    }
                    _ => next = Some(next.map_or(due, |next| next.min(due))),
                }
            }
        }
        self.report_saturation(now);
        next
    }

    /// A request has run for as long as it may, or should.
    fn overdue(
        &self,
        overdue: Overdue,
        thread: &Arc<WorkerThread>,
        serving: &RunningRequest,
        now: Instant,
    ) {
        let (since, summary) = (serving.since, serving.summary(now));
        if overdue == Overdue::TimedOut {
            serving.requester.time_out(thread.slot.index, since);
            thread.timed_out();
            #[cfg(unix)]
            thread.slot.show_answered();
        }
        let request = OverdueRequest { overdue, thread: Arc::clone(thread), since, summary };
        let (Err(TrySendError::Full(incident)) | Err(TrySendError::Disconnected(incident))) =
            self.incidents.try_send(Incident::Overdue(request))
        else {
            return;
        };
        if let Incident::Overdue(request) = incident {
            report(&request, "not available: too many threads are asked for theirs", "");
        }
    }

    /// Says what to change when requests wait for threads, now and then.
    fn report_saturation(&self, now: Instant) {
        let queue = &self.server.queue;
        let Some(oldest) = queue.oldest() else { return };
        let age = now.saturating_duration_since(oldest);
        if age < WAITS_TOO_LONG || self.saturation_lines.take(now).is_none() {
            return;
        }
        let occupied = queue.threads();
        tracing::warn!(
            target: "maitred.queue",
            waiting = queue.len(),
            oldest_seconds = age.as_secs_f64(),
            threads = occupied.count,
            busy = occupied.busy,
            "requests wait for a thread: raise `threads` if the application is I/O-bound, run more \
             processes or pods if it is CPU-bound; `slow-request` shows which requests are slow"
        );
    }
}

/// The recovery thread: handles one incident after the other, until the monitor has ended.
fn recover(server: &ServerState, incidents: &Receiver<Incident>) {
    while let Ok(incident) = incidents.recv() {
        match incident {
            Incident::Overdue(request) => recover_overdue(&server.workers, &request),
            Incident::Ended(thread) => recover_ended(&server.workers, &thread),
        }
    }
}

fn recover_overdue(workers: &WorkerThreads, request: &OverdueRequest) {
    let stack = request.thread.stack(STACK_WITHIN);
    let outcome = match request.overdue {
        Overdue::Slow => String::new(),
        Overdue::TimedOut => match workers.replace(&request.thread, request.since) {
            Replaced::Yes => "it was replaced".to_owned(),
            Replaced::Returned => "it has returned meanwhile".to_owned(),
            Replaced::TooMany(replaced) => format!(
                "it is not replaced, because {replaced} already were: fewer threads serve now"
            ),
            Replaced::Failed(error) => format!("it could not be replaced: {error}"),
        },
    };
    report(request, &stack, &outcome);
}

fn recover_ended(workers: &WorkerThreads, thread: &WorkerThread) {
    let worker_thread = &*thread.name;
    let refilled = workers.refill(thread);
    let is_first_line = thread.is_end_to_be_logged();
    match refilled {
        Ok(()) if is_first_line => tracing::error!(
            target: "maitred",
            worker_thread,
            "a worker thread ended unexpectedly and was replaced; this is a bug in Maitred"
        ),
        Ok(()) => tracing::info!(
            target: "maitred",
            worker_thread,
            "the worker thread that ended unexpectedly has been replaced now"
        ),
        Err(error) if is_first_line => tracing::error!(
            target: "maitred",
            worker_thread,
            "a worker thread ended unexpectedly and could not be replaced: {error}; retrying every \
             second; this is a bug in Maitred"
        ),
        Err(_) => {} // as before
    }
}

fn report(request: &OverdueRequest, stack: &str, outcome: &str) {
    let OverdueRequest { overdue, thread, summary, .. } = request;
    let seconds = summary.runs_for.as_secs_f64();
    let (method, path, client) = (&*summary.method, &*summary.path, &*summary.client);
    let (request_id, worker_thread) = (summary.request_id.as_deref(), &*thread.name);
    match overdue {
        Overdue::TimedOut => tracing::error!(
            target: "maitred",
            method, path, client, request_id, seconds, worker_thread, stack,
            "request-timeout: a request is aborted, and its thread is stuck; {outcome}"
        ),
        Overdue::Slow => tracing::warn!(
            target: "maitred",
            method, path, client, request_id, seconds, worker_thread, stack,
            "slow-request: a request is still running"
        ),
    }
}
