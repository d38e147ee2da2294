//! Handles requests that take too long, on its own thread.
//!
//! A request that exceeds `request-timeout` is answered 504 on time: the watch sleeps until the
//! next one can be due, and needs neither the I/O thread nor the interpreter. Work that needs the
//! interpreter (fetching the application's stack, replacing a stuck thread) is done by another
//! thread, the **tender**, which may have to wait for it.
//!
//! `slow-request` only writes the application's stack to the log, once for each request.
//!
//! The watch also sees threads that have ended by themselves, and the tender replaces them.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::scheduling::work::Serving;
use crate::scheduling::workers::{Member, Overdue, Pool, Replaced};
use crate::state::ServerState;
use crate::telemetry::ration::Ration;
use crate::telemetry::subject::RequestSummary;

/// The maximum time between two checks: the watch is not notified of requests that begin meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The maximum wait for the interpreter to supply a stack; then the line is logged without it.
const STACK_PATIENCE: Duration = Duration::from_millis(500);

/// The maximum number of cases that wait for the tender.
const CASES_MAX: usize = 64;

/// The age of the oldest waiting request from which saturation is logged.
const WAITS_TOO_LONG: Duration = Duration::from_secs(1);

/// The watch thread.
#[derive(Debug)]
pub(crate) struct Watch {
    eyes: Arc<Eyes>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// What a check needs.
#[derive(Debug)]
struct Eyes {
    server: Arc<ServerState>,
    cases: SyncSender<Case>,
    saturation_lines: Ration,
}

/// A case for the tender.
enum Case {
    /// A request that takes too long.
    Late(Late),
    /// A thread that ended unexpectedly.
    Ended(Arc<Member>),
}

/// A request that takes too long.
struct Late {
    overdue: Overdue,
    member: Arc<Member>,
    since: Instant,
    told: RequestSummary,
}

impl Watch {
    /// Starts the watch and the tender.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(crate) fn start(server: Arc<ServerState>) -> std::io::Result<Self> {
        let (cases, waiting) = mpsc::sync_channel(CASES_MAX);
        let tended = Arc::clone(&server);
        // It is never joined, because it may wait for an interpreter that never answers.
        std::thread::Builder::new()
            .name("maitred-tender".into())
            .spawn(move || tend(&tended, &waiting))?;
        let saturation_lines = Ration::new(1, Duration::from_secs(60));
        let eyes = Arc::new(Eyes { server, cases, saturation_lines });
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (looking, told) = (Arc::clone(&eyes), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("maitred-watch".into())
            .spawn(move || watch(&looking, &told))?;
        Ok(Self { eyes, stop, thread: Some(thread) })
    }

    /// Checks now.
    pub(crate) fn look(&self) {
        self.eyes.look();
    }
}

fn watch(eyes: &Eyes, (stop, told): &(Mutex<bool>, Condvar)) {
    let mut stopped = stop.lock().unwrap_or_else(PoisonError::into_inner);
    while !*stopped {
        drop(stopped);
        let due = eyes.look();
        let now = eyes.server.shared.clock.instant();
        let wait = due.map_or(LOOK_AGAIN, |due| due.saturating_duration_since(now));
        stopped = stop.lock().unwrap_or_else(PoisonError::into_inner);
        (stopped, _) = told
            .wait_timeout_while(stopped, wait.min(LOOK_AGAIN), |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it has already been printed.
            let _ = thread.join();
        }
    }
}

impl Eyes {
    /// Checks every thread, and returns when the next request can exceed its limit. Never waits.
    fn look(&self) -> Option<Instant> {
        let ServerState { shared, pool, .. } = &*self.server;
        let now = shared.clock.instant();
        let mut next: Option<Instant> = None;
        let limits = [
            (Overdue::TimedOut, shared.settings.request_timeout),
            (Overdue::Slow, shared.settings.slow_request),
        ];
        for member in pool.all() {
            if member.has_ended_untold() {
                let case = Case::Ended(Arc::clone(&member));
                if self.cases.try_send(case).is_err() {
                    member.tell_end_again(); // the next check tries again
                }
                continue;
            }
            let serving = member.seat.serving();
            for (overdue, limit) in limits {
                let Some(limit) = limit else { continue };
                // Who serves nothing now may begin at once.
                let due = serving.as_ref().map_or(now, |serving| serving.since) + limit;
                match &serving {
                    Some(serving) if due <= now => {
                        if member.mark(overdue, serving.since) {
                            self.overdue(overdue, &member, serving, now);
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
    fn overdue(&self, overdue: Overdue, member: &Arc<Member>, serving: &Serving, now: Instant) {
        let Serving { requester, since } = serving;
        let (since, told) = (*since, requester.summary(*since, now));
        if overdue == Overdue::TimedOut {
            requester.time_out(member.seat.index, since);
        }
        let late = Late { overdue, member: Arc::clone(member), since, told };
        let (Err(TrySendError::Full(case)) | Err(TrySendError::Disconnected(case))) =
            self.cases.try_send(Case::Late(late))
        else {
            return;
        };
        if let Case::Late(late) = case {
            report(&late, "not available: too many threads are asked for theirs", "");
        }
    }

    /// Says what to change when requests wait for threads, now and then.
    fn report_saturation(&self, now: Instant) {
        let queue = &self.server.shared.queue;
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

/// The tender: handles one case after the other, until the watch has ended.
fn tend(server: &ServerState, cases: &Receiver<Case>) {
    while let Ok(case) = cases.recv() {
        match case {
            Case::Late(late) => tend_late(&server.pool, &late),
            Case::Ended(member) => tend_ended(&server.pool, &member),
        }
    }
}

fn tend_late(pool: &Pool, late: &Late) {
    let stack = late.member.stack(STACK_PATIENCE);
    let outcome = match late.overdue {
        Overdue::Slow => String::new(),
        Overdue::TimedOut => match pool.replace(&late.member, late.since) {
            Replaced::Yes => "it was replaced".to_owned(),
            Replaced::Returned => "it has returned meanwhile".to_owned(),
            Replaced::TooMany(replaced) => format!(
                "it is not replaced, because {replaced} already were: fewer threads serve now"
            ),
            Replaced::Failed(error) => format!("it could not be replaced: {error}"),
        },
    };
    report(late, &stack, &outcome);
}

fn tend_ended(pool: &Pool, member: &Member) {
    let worker = &*member.name;
    let refilled = pool.refill(member);
    let is_first_line = member.is_end_to_be_logged();
    match refilled {
        Ok(()) if is_first_line => tracing::error!(
            target: "maitred",
            worker,
            "a worker thread ended unexpectedly and was replaced; this is a bug in Maitred"
        ),
        Ok(()) => tracing::info!(
            target: "maitred",
            worker,
            "the worker thread that ended unexpectedly has been replaced now"
        ),
        Err(error) if is_first_line => tracing::error!(
            target: "maitred",
            worker,
            "a worker thread ended unexpectedly and could not be replaced: {error}; retrying every \
             second; this is a bug in Maitred"
        ),
        Err(_) => {} // as before
    }
}

fn report(late: &Late, stack: &str, outcome: &str) {
    let Late { overdue, member, told, .. } = late;
    let seconds = told.runs_for.as_secs_f64();
    let (method, path, client) = (&*told.method, &*told.path, &*told.client);
    let (request_id, worker) = (told.request_id.as_deref(), &*member.name);
    match overdue {
        Overdue::TimedOut => tracing::error!(
            target: "maitred",
            method, path, client, request_id, seconds, worker, stack,
            "request-timeout: a request is aborted, and its thread is stuck; {outcome}"
        ),
        Overdue::Slow => tracing::warn!(
            target: "maitred",
            method, path, client, request_id, seconds, worker, stack,
            "slow-request: a request is still running"
        ),
    }
}
