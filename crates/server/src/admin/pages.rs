//! The pages of the admin listener, by path.
//!
//! The probes are named as in Kubernetes' own components; aliases cover other systems. The status
//! code is the result of a probe; the word in the body is for people.

use std::sync::Arc;
use std::time::Duration;

use maitred_http_parser::{RequestHead, ResponseHead};

use crate::telemetry::Telemetry;

/// The maximum wait for the interpreter to supply stacks. Other requests are answered meanwhile.
const STACKS_WITHIN: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// A response.
pub(super) struct Page {
    pub(super) head: ResponseHead,
    pub(super) body: String,
}

impl Page {
    fn new(status: &'static str, media_type: &'static str, body: impl Into<String>) -> Self {
        let mut head =
            ResponseHead::new(status.as_bytes()).expect("the status is one of this file's");
        let mut field = |name: &str, value: &str| {
            head.push(name.as_bytes(), value.as_bytes()).expect("the field is one of this file's");
        };
        field("Content-Type", media_type);
        field("Cache-Control", "no-store");
        if status.starts_with("405") {
            field("Allow", "GET, HEAD");
        }
        Self { head, body: body.into() }
    }

    fn probe(answer: Result<(), &'static str>) -> Self {
        match answer {
            Ok(()) => Self::new("200 OK", TEXT, "ok\n"),
            Err(reason) => Self::new("503 Service Unavailable", TEXT, format!("{reason}\n")),
        }
    }
}

/// Answers a request.
pub(super) async fn find(telemetry: &Arc<Telemetry>, asked: &RequestHead) -> Page {
    const PATHS: [&[u8]; 8] = [
        b"/livez",
        b"/healthz",
        b"/health",
        b"/startupz",
        b"/readyz",
        b"/ready",
        b"/metrics",
        b"/statusz",
    ];
    let path = asked.path();
    if !PATHS.contains(&path) {
        return Page::new(
            "404 Not Found",
            TEXT,
            "not here; there are /livez /startupz /readyz /metrics /statusz\n",
        );
    }
    if !matches!(asked.method(), "GET" | "HEAD") {
        return Page::new("405 Method Not Allowed", TEXT, "only GET and HEAD are answered here\n");
    }
    match path {
        b"/startupz" => Page::probe(if telemetry.has_started() { Ok(()) } else { Err("starting") }),
        b"/readyz" | b"/ready" => Page::probe(telemetry.readiness()),
        b"/metrics" => Page::new("200 OK", PROMETHEUS, telemetry.scrape()),
        b"/statusz" => {
            let stacks = asked.query().split(|&byte| byte == b'&').any(|part| part == b"stacks=1");
            status(telemetry, stacks.then_some(STACKS_WITHIN)).await
        }
        _ => Page::probe(Ok(())), // it is alive: it answers
    }
}

/// The status with stacks is created on another thread, because it may wait for the interpreter.
async fn status(telemetry: &Arc<Telemetry>, stacks: Option<Duration>) -> Page {
    let made = match stacks {
        None => Ok(telemetry.status(None)),
        Some(_) => {
            let telemetry = Arc::clone(telemetry);
            tokio::task::spawn_blocking(move || telemetry.status(stacks)).await
        }
    };
    match made {
        Ok(status) => Page::new("200 OK", JSON, format!("{status:#}\n")),
        Err(error) => Page::new("500 Internal Server Error", TEXT, format!("no status: {error}\n")),
    }
}
