//! `/statusz` of a supervisor: the state of all workers, as JSON for people.

use std::time::Duration;

use serde_json::{Value, json};

use super::{MoldView, View, WorkerView, reload};
use crate::admin::Report as _;
use crate::board::{Seat, monotonic_ns};
use crate::telemetry::Interpreter;

impl View {
    /// The status, as JSON for people; with the stacks of the workers, if these are asked for.
    pub(super) fn current_status(&self, stacks: Option<Duration>) -> Value {
        let state = self.readiness().err().unwrap_or("ready");
        let stacks = stacks.map(|within| self.stacks(within)).unwrap_or_default();
        let published = self.published();
        let workers: Vec<_> = published
            .workers
            .iter()
            .filter_map(|worker| {
                let mut status = describe(worker, &self.board.seat(worker.seat)?);
                if let Some(stacks) = stacks.get(&worker.serial) {
                    status["stacks"] = stacks.as_str().into();
                }
                Some(status)
            })
            .collect();
        let Interpreter { version, implementation, gil } =
            published.interpreter(&self.about, &self.board);
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "interpreter": { "version": version, "implementation": implementation, "gil": gil },
            "pid": std::process::id(),
            "state": state,
            "uptime_seconds": published.uptime.as_secs_f64(),
            "settings": *self.settings.lock(),
            "supervisor": {
                "workers": published.wanted,
                "reload": reload(published.reload, published.last_reload),
                "reloads": published.counts.reloads.values().sum::<u64>(),
                "process": identity(),
                "preload": published.molds.iter().map(describe_mold).collect::<Vec<_>>(),
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

/// A process that workers are forked from, for a person.
fn describe_mold(mold: &MoldView) -> Value {
    json!({ "pid": mold.pid, "state": mold.state, "seconds": mold.age.as_secs_f64() })
}

/// Which process this is, for whoever signals it; null where the system does not tell.
#[cfg(target_os = "linux")]
fn identity() -> Value {
    let identity = crate::system::process_identity::ProcessIdentity::own().ok();
    json!(identity)
}

#[cfg(not(target_os = "linux"))]
fn identity() -> Value {
    Value::Null
}
