//! `/statusz`: the server's current state, as JSON for people.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::snapshot::Subject;
use super::{ShownLimits, Telemetry};

impl Telemetry {
    /// The status; with the stack of every thread that is serving if `stacks` says how long the
    /// interpreter may be waited for. Blocks for no longer than that.
    pub fn status(&self, stacks: Option<Duration>) -> Value {
        let interpreter = self.interpreter();
        let mut status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "interpreter": {
                "version": interpreter.version,
                "implementation": interpreter.implementation,
                "gil": interpreter.gil,
            },
            "pid": std::process::id(),
            "state": self.readiness().err().unwrap_or("ready"),
            "uptime_seconds": self.uptime().as_secs_f64(),
            "requests": self.requests(),
            "settings": self.settings,
        });
        if let (Some(subject), Some(status)) = (self.subject(), status.as_object_mut()) {
            describe(&*subject, self.limits(), stacks, status);
        }
        status
    }
}

fn describe(
    subject: &dyn Subject,
    limits: ShownLimits,
    stacks: Option<Duration>,
    status: &mut Map<String, Value>,
) {
    let snapshot = subject.snapshot();
    status.insert(
        "queue".into(),
        json!({
            "requests": snapshot.queued,
            "limit": limits.queue,
            "oldest_seconds": snapshot.oldest.map(|time| time.as_secs_f64()),
        }),
    );
    let mut connections: Map<_, _> = snapshot
        .connections
        .named()
        .map(|(state, count)| (state.to_owned(), count.into()))
        .collect();
    connections.insert("limit".into(), limits.connections.into());
    status.insert("connections".into(), connections.into());
    let threads = subject.thread_statuses(stacks).into_iter().map(|status| {
        let mut thread = json!({ "name": status.thread, "stuck": status.is_stuck });
        if let Some(summary) = status.request {
            thread["request"] = json!({
                "method": summary.method,
                "path": summary.path,
                "client": summary.client,
                "request_id": summary.request_id.as_deref(),
                "seconds": summary.runs_for.as_secs_f64(),
            });
        }
        if let Some(stack) = status.stack {
            thread["stack"] = stack.into();
        }
        thread
    });
    status.insert("threads".into(), threads.collect());
}
