//! What the server has said, for tests of its words. One log for the whole process: a test that
//! looks into it is alone in its file, or looks for what only it causes.

use std::fmt::{Debug, Write as _};
use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on what is said is kept.
#[allow(dead_code, reason = "some files only listen_and")]
pub(crate) fn listen() {
    listen_and(|_| ());
}

/// The same; and whoever says something does this with the line.
pub(crate) fn listen_and(then: fn(&str)) {
    // Fails for the second test of a file, whose lines are kept already.
    let _ = tracing::subscriber::set_global_default(Listener { then });
}

/// The lines so far that hold `part`: level, target, message and fields.
#[allow(dead_code, reason = "some files only listen_and")]
pub(crate) fn lines_with(part: &str) -> Vec<String> {
    let lines = LINES.lock().expect("no test panics in here");
    lines.iter().filter(|line| line.contains(part)).cloned().collect()
}

struct Listener {
    then: fn(&str),
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("a string takes everything");
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("maitred")
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {} ", metadata.level(), metadata.target()));
        event.record(&mut line);
        LINES.lock().expect("no test panics in here").push(line.0.clone());
        (self.then)(&line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
