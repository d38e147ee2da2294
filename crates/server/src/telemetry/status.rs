//! `/statusz`: the server's current state, as JSON for people.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::metrics::seconds;
use super::subject::Subject;
use super::{Limits, Telemetry};

impl Telemetry {
    /// The status; with the stack of every thread if `stacks` says how long the interpreter may be
    /// waited for. Blocks for no longer than that.
    pub fn status(&self, stacks: Option<Duration>) -> Value {
        let mut status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "interpreter": {
                "version": self.interpreter.version,
                "implementation": self.interpreter.implementation,
                "gil": self.interpreter.gil,
            },
            "pid": std::process::id(),
            "state": self.readiness().err().unwrap_or("ready"),
            "uptime_seconds": seconds(self.uptime()),
            "requests": self.requests(),
            "settings": self.settings,
        });
        if let (Some(subject), Some(status)) = (self.subject(), status.as_object_mut()) {
            describe(&*subject, self.limits, stacks, status);
        }
        status
    }
}

fn describe(
    subject: &dyn Subject,
    limits: Limits,
    stacks: Option<Duration>,
    status: &mut Map<String, Value>,
) {
    let snapshot = subject.snapshot();
    status.insert(
        "queue".into(),
        json!({
            "requests": snapshot.queued,
            "limit": limits.queue,
            "oldest_seconds": snapshot.oldest.map(seconds),
        }),
    );
    let mut connections: Map<_, _> = snapshot
        .connections
        .named()
        .map(|(state, count)| (state.to_owned(), count.into()))
        .collect();
    connections.insert("limit".into(), limits.connections.into());
    status.insert("connections".into(), connections.into());
    let threads = subject.occupations(stacks).into_iter().map(|occupation| {
        let mut thread = json!({ "name": occupation.thread, "stuck": occupation.is_stuck });
        if let Some(told) = occupation.request {
            thread["request"] = json!({
                "method": told.method,
                "path": told.path,
                "client": told.client,
                "request_id": told.request_id.as_deref(),
                "seconds": seconds(told.runs_for),
            });
        }
        if let Some(stack) = occupation.stack {
            thread["stack"] = stack.into();
        }
        thread
    });
    status.insert("threads".into(), threads.collect());
}
