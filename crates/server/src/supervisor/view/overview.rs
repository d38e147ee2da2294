//! What the live page shows of all workers: from the board, like everything on the admin listener, so
//! it waits for no worker.

use std::time::Duration;

use super::{View, WorkerView, reload};
use crate::admin::{Report as _, ServerTotals};
use crate::board::{Seat, monotonic_ns};
use crate::telemetry::Interpreter;
use crate::telemetry::overview::{Overview, RequestOverview, SupervisorOverview, WorkerOverview};
use crate::telemetry::totals::Totals;
use crate::telemetry::values::Values;

/// How a worker process fails, in metrics and in words.
const FAILED_EXITS: [(&str, &str); 4] = [
    ("killed", "worker process killed, because it did not end in time"),
    ("signal", "worker process ended by a signal"),
    ("status", "worker process ended by itself"),
    ("start_failed", "worker process could not start"),
];

/// Instead of the stacks of a worker that is not ready, or did not write them in time.
const NOT_IN_TIME: &str = "not available: the worker has not told them in time";

impl View {
    /// What the workers are doing; with their stacks, if these are asked for.
    pub(super) fn current_overview(&self, stacks: Option<Duration>) -> Overview {
        let stacks = stacks.map(|within| self.stacks(within));
        let state = self.readiness().err().unwrap_or("ready");
        let mut published = self.published();
        let Interpreter { version, implementation, .. } = &self.about.interpreter;
        let mut overview = Overview {
            state: state.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interpreter: format!("{implementation} {version}"),
            pid: std::process::id(),
            uptime_seconds: published.uptime.as_secs_f64(),
            supervisor: Some(SupervisorOverview {
                wanted: published.wanted,
                reload: reload(published.reload, published.last_reload).as_str().map(str::to_owned),
            }),
            ..Overview::default()
        };
        for worker in published.workers.clone() {
            let Some(seat) = self.board.seat(worker.seat) else { continue };
            let values = published.values_of(&self.board, worker.seat).unwrap_or_default();
            overview.add(&values);
            let oldest = (seat.oldest() != 0).then(|| seconds_since(seat.oldest()));
            let queue = &mut overview.queue;
            queue.oldest_seconds =
                [queue.oldest_seconds, oldest].into_iter().flatten().reduce(f64::max);
            let serial = worker.serial;
            let mut worker = describe(&worker, &seat, &values);
            worker.stacks = stacks.as_ref().map(|stacks| {
                stacks.get(&serial).cloned().unwrap_or_else(|| NOT_IN_TIME.to_owned())
            });
            overview.workers.push(worker);
        }
        overview.workers.sort_by_key(|worker| worker.number);
        overview
    }

    /// What the workers have counted, those that have ended included.
    pub(super) fn current_totals(&self) -> ServerTotals {
        let mut published = self.published();
        let workers = (0..published.numbers).filter_map(|number| {
            let values = published.values_of_number(&self.board, number);
            Some((number, Totals::read(&self.cells(number)?, &values)))
        });
        let workers = workers.collect();
        let exits = FAILED_EXITS
            .map(|(how, words)| (words, published.counts.exits.get(how).copied().unwrap_or(0)));
        ServerTotals { workers, exits: exits.to_vec() }
    }
}

fn seconds_since(then: u64) -> f64 {
    Duration::from_nanos(monotonic_ns().saturating_sub(then)).as_secs_f64()
}

fn describe(worker: &WorkerView, seat: &Seat<'_>, values: &Values) -> WorkerOverview {
    let running: Vec<_> = seat
        .slots()
        .filter_map(|slot| {
            let request = slot.read()?;
            Some(RequestOverview {
                thread: format!("maitred-{}", request.thread),
                method: request.method,
                path: request.path,
                request_id: Some(request.request_id).filter(|id| !id.is_empty()),
                seconds: seconds_since(request.since),
                ..RequestOverview::default()
            })
        })
        .collect();
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    // With a reload, there may be more threads than the board has room for.
    let are_all_shown = count(seat.threads()) <= seat.slots().count();
    let busy = if are_all_shown { running.len() } else { count(seat.busy()).max(running.len()) };
    WorkerOverview {
        number: worker.number,
        pid: worker.pid,
        state: worker.state.name().to_owned(),
        uptime_seconds: worker.age.as_secs_f64(),
        requests: seat.requests(),
        resident_bytes: values.resident_bytes(),
        threads: count(seat.threads()),
        busy,
        running,
        stacks: None,
    }
}
