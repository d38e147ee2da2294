//! The pages of the admin listener, by path.
//!
//! The probes are named as in Kubernetes' own components; aliases cover other systems. The status
//! code is the result of a probe; the word in the body is for people.

use std::sync::Arc;
use std::time::Duration;

use maitred_http_parser::exchange::{Chunk, Exchange, Reply};
use maitred_http_parser::{RequestHead, ResponseHead};

use super::Report;
use super::live::{Live, STREAMS_MAX};
use super::{page, status_page};

/// The maximum wait for the interpreter to supply stacks. Other requests are answered meanwhile.
const STACKS_WITHIN: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain; charset=utf-8";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const EVENTS: &str = "text/event-stream";

/// What there is.
#[derive(Clone, Copy)]
enum Page {
    /// Whether the process answers.
    Alive,
    /// Whether the server has started.
    Started,
    /// Whether the server takes requests.
    Ready,
    Metrics,
    Status,
    /// The live page.
    Live,
    /// What changes on it.
    Events,
    /// What it shows, as JSON.
    Overview,
}

/// Every path, first those that an answer to another path names, then the aliases.
const PAGES: [(&str, Page); 11] = [
    ("/", Page::Live),
    ("/livez", Page::Alive),
    ("/startupz", Page::Started),
    ("/readyz", Page::Ready),
    ("/metrics", Page::Metrics),
    ("/statusz", Page::Status),
    ("/overview", Page::Overview),
    ("/events", Page::Events),
    ("/healthz", Page::Alive),
    ("/health", Page::Alive),
    ("/ready", Page::Ready),
];

/// How many of them are not aliases.
const NAMED: usize = 6;

/// A response.
struct Response {
    head: ResponseHead,
    body: String,
}

impl Response {
    fn new(status: &'static str, media_type: &'static str, body: impl Into<String>) -> Self {
        let mut head =
            ResponseHead::new(status.as_bytes()).expect("the status is one of this file's");
        let mut field = |name: &str, value: &str| {
            head.push(name.as_bytes(), value.as_bytes()).expect("the field is one of this file's");
        };
        field("Content-Type", media_type);
        field("Cache-Control", "no-store");
        field("X-Content-Type-Options", "nosniff");
        if media_type == HTML {
            field("Content-Security-Policy", page::POLICY);
            field("Referrer-Policy", "no-referrer");
        }
        if status.starts_with("405") {
            field("Allow", "GET, HEAD");
        }
        Self { head, body: body.into() }
    }

    fn probe(result: Result<(), &'static str>) -> Self {
        match result {
            Ok(()) => Self::new("200 OK", TEXT, "ok\n"),
            Err(reason) => Self::new("503 Service Unavailable", TEXT, format!("{reason}\n")),
        }
    }

    fn status(report: &dyn Report, live: &Live, stacks: Option<Duration>) -> Self {
        Self::new("200 OK", JSON, status_page::text(report.status(stacks), live.now()))
    }

    fn live(live: &Live, stacks: Option<Duration>) -> Self {
        Self::new("200 OK", HTML, live.page(stacks))
    }

    fn send(self, mut reply: Box<dyn Reply>) {
        reply.head(self.head);
        // A page is small, and nobody here may wait.
        let _ = reply.finish(Chunk::Owned(self.body.into()));
    }
}

/// Answers a request.
pub(super) fn answer(report: &Arc<dyn Report>, live: &Arc<Live>, exchange: Exchange) {
    let Exchange { head, reply, .. } = exchange;
    let response = match find(&head) {
        Err(response) => response,
        Ok(Page::Alive) => Response::probe(report.liveness()),
        Ok(Page::Started) => {
            Response::probe(if report.has_started() { Ok(()) } else { Err("starting") })
        }
        Ok(Page::Ready) => Response::probe(report.readiness()),
        Ok(Page::Metrics) => Response::new("200 OK", PROMETHEUS, report.scrape()),
        Ok(page @ (Page::Status | Page::Live)) if wants_stacks(&head) => {
            let (report, live) = (Arc::clone(report), Arc::clone(live));
            // Not on this thread, because it may wait for the interpreter. A panic in it drops the
            // reply, which answers 500.
            tokio::task::spawn_blocking(move || {
                let response = match page {
                    Page::Live => Response::live(&live, Some(STACKS_WITHIN)),
                    _ => Response::status(&*report, &live, Some(STACKS_WITHIN)),
                };
                response.send(reply);
            });
            return;
        }
        Ok(Page::Status) => Response::status(&**report, live, None),
        Ok(Page::Live) => Response::live(live, None),
        Ok(Page::Overview) => Response::new("200 OK", JSON, format!("{}\n", live.overview())),
        Ok(Page::Events) => return subscribe(live, reply),
    };
    response.send(reply);
}

/// Begins a stream of events, unless there are too many.
fn subscribe(live: &Live, reply: Box<dyn Reply>) {
    let Response { head, .. } = Response::new("200 OK", EVENTS, "");
    if let Err(reply) = live.subscribe(reply, head) {
        let text = format!("there are {STREAMS_MAX} streams of events already\n");
        Response::new("503 Service Unavailable", TEXT, text).send(reply);
    }
}

/// Answers a request for a host that is not served here (RFC 9110 §15.5.20).
pub(super) fn misdirected(exchange: Exchange) {
    let text = "on a loopback address, admin-listen answers to addresses, to localhost, and to the name \
                that it is set to, and to no other Host\n";
    Response::new("421 Misdirected Request", TEXT, text).send(exchange.reply);
}

/// The requested page, or the response if there is none.
fn find(request: &RequestHead) -> Result<Page, Response> {
    let path = request.path();
    let Some((_, page)) = PAGES.iter().find(|(known, _)| known.as_bytes() == path) else {
        let names: Vec<_> = PAGES[..NAMED].iter().map(|(name, _)| *name).collect();
        let text = format!("not here; there are {}\n", names.join(" "));
        return Err(Response::new("404 Not Found", TEXT, text));
    };
    if !matches!(request.method(), "GET" | "HEAD") {
        let text = "only GET and HEAD are answered here\n";
        return Err(Response::new("405 Method Not Allowed", TEXT, text));
    }
    Ok(*page)
}

fn wants_stacks(request: &RequestHead) -> bool {
    request.query().split(|&byte| byte == b'&').any(|part| part == b"stacks=1")
}
