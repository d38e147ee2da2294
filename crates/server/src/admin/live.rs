//! What stands behind the live page: the history, and the streams of events to those who look.
//!
//! All of it runs on the admin thread, once a second. A page is made of sections, which are rendered
//! once for all streams, and only while there is one; a stream gets those that have changed. There are
//! few streams, and one whose client does not keep up is closed, so none delays a probe.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use maitred_http_parser::ResponseHead;
use maitred_http_parser::exchange::{Chunk, Flow, Reply};
use serde_json::json;

use super::Report;
use super::history::{History, STEP_SECONDS};
use super::page::{self, Section};
use crate::system::clock::Clock;
use crate::system::mutex::Mutex;

/// The maximum number of streams of events: for a team that looks at the same server.
pub(super) const STREAMS_MAX: usize = 8;

/// How long a browser waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 2000;

/// The history of a server, and the streams that tell of it.
pub(super) struct Live {
    report: Arc<dyn Report>,
    clock: Arc<Clock>,
    history: Mutex<Recorded>,
    streams: Mutex<Streams>,
}

#[derive(Default)]
struct Recorded {
    history: History,
    /// The seconds that have passed.
    ticks: usize,
}

#[derive(Default)]
struct Streams {
    replies: Vec<Box<dyn Reply>>,
    /// The sections as they were last sent.
    sent: Vec<(Section, String)>,
}

impl Live {
    pub(super) fn new(report: Arc<dyn Report>, clock: Arc<Clock>) -> Self {
        Self { report, clock, history: Mutex::default(), streams: Mutex::default() }
    }

    /// The page; with the stack of every thread that serves if `stacks` says how long the interpreter
    /// may be waited for.
    pub(super) fn page(&self, stacks: Option<Duration>) -> String {
        page::document(self.sections(stacks), stacks)
    }

    /// All that the page shows, as JSON.
    pub(super) fn overview(&self) -> serde_json::Value {
        let overview = self.report.overview(None);
        let recorded = self.history.lock();
        let history = &recorded.history;
        json!({
            "overview": overview,
            "now": history.now(),
            "step_seconds": STEP_SECONDS,
            "samples": history.samples(),
            "failures": history.failures(),
        })
    }

    /// What happened in the last seconds, as JSON.
    pub(super) fn now(&self) -> serde_json::Value {
        json!(self.history.lock().history.now())
    }

    fn sections(&self, stacks: Option<Duration>) -> Vec<(Section, String)> {
        let overview = self.report.overview(stacks);
        page::sections(&overview, &self.history.lock().history)
    }

    /// Begins a stream of events. Gives the reply back if there are too many.
    pub(super) fn subscribe(
        &self,
        mut reply: Box<dyn Reply>,
        head: ResponseHead,
    ) -> Result<(), Box<dyn Reply>> {
        let mut streams = self.streams.lock();
        streams.drop_those_gone();
        if streams.replies.len() >= STREAMS_MAX {
            return Err(reply);
        }
        if streams.replies.is_empty() {
            streams.sent = self.sections(None);
        }
        let mut first = format!("retry: {RETRY_MS}\n\n");
        for (section, html) in &streams.sent {
            write_event(&mut first, *section, html);
        }
        reply.head(head);
        match reply.chunk(Chunk::Owned(first.into())) {
            Flow::Continue => streams.replies.push(reply),
            Flow::Enough => {
                let _ = reply.finish(Chunk::Borrowed(&[])); // HEAD
            }
            Flow::Wait | Flow::Gone => {}
        }
        Ok(())
    }

    /// Called once a second: takes a sample every other time, and tells the streams what has changed.
    pub(super) fn tick(&self) {
        {
            let mut recorded = self.history.lock();
            if recorded.ticks.is_multiple_of(STEP_SECONDS) {
                let (now, wall) = (self.clock.instant(), self.clock.wall());
                let taken = recorded.ticks / STEP_SECONDS;
                recorded.history.sample(self.report.totals(), now, wall, taken as u64);
            }
            recorded.ticks += 1;
        }
        let mut streams = self.streams.lock();
        streams.drop_those_gone();
        if !streams.replies.is_empty() {
            streams.send(self.sections(None));
        }
    }
}

impl Streams {
    fn drop_those_gone(&mut self) {
        self.replies
            .retain(|reply| reply.presence().upgrade().is_some_and(|presence| !presence.is_gone()));
    }

    /// Sends the sections that have changed. Whoever has not read the last ones is not kept: what it
    /// has not read would be kept in memory.
    fn send(&mut self, sections: Vec<(Section, String)>) {
        let mut events = String::new();
        for ((section, html), (_, sent)) in sections.iter().zip(&self.sent) {
            if html != sent {
                write_event(&mut events, *section, html);
            }
        }
        self.sent = sections;
        let events = Bytes::from(events);
        self.replies.retain_mut(|reply| {
            events.is_empty() || reply.chunk(Chunk::Owned(events.clone())) == Flow::Continue
        });
    }
}

/// Writes one event of a stream (the HTML standard, §9.2.6).
fn write_event(out: &mut String, section: Section, html: &str) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "event: {}", section.name());
    for line in html.lines() {
        let _ = writeln!(out, "data: {line}");
    }
    out.push('\n');
}
