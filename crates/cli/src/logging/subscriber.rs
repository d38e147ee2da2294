//! The `tracing` subscriber: converts an event to a record and puts it into the queue.
//!
//! Spans are not used; the fields that identify a request are on the event itself.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use maitred_config::LogLevel;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Metadata, Subscriber};

use super::ERRORS;
use super::exception::Exception;
use super::queue::{Fields, Record, Severity, Value};

/// The minimum severity of records, for the whole process.
static THRESHOLD: AtomicU8 = AtomicU8::new(Severity::Info as u8);

/// The minimum severity as an atomic value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold(Severity);

impl From<LogLevel> for Threshold {
    fn from(level: LogLevel) -> Self {
        Self(match level {
            LogLevel::Error => Severity::Error,
            LogLevel::Warning => Severity::Warning,
            LogLevel::Info => Severity::Info,
            LogLevel::Debug => Severity::Debug,
            LogLevel::Trace => Severity::Trace,
        })
    }
}

thread_local! {
    /// Python's name of this thread, once known.
    static NAME: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// Records Python's name of this thread, which Rust does not know.
pub(crate) fn learn_thread_name(py: Python<'_>) {
    if NAME.with_borrow(Option::is_some) {
        return;
    }
    let name = py
        .import("threading")
        .and_then(|threading| threading.call_method0("current_thread")?.getattr("name")?.extract())
        .map(String::into_boxed_str);
    // A thread without a name is logged as one.
    NAME.set(name.ok());
}

/// The name of this thread.
pub(super) fn thread_name() -> Box<str> {
    NAME.with_borrow(|name| match name {
        Some(name) => name.clone(),
        None => std::thread::current().name().unwrap_or("unnamed").into(),
    })
}

/// The number of this worker process, once it is known to be one.
static WORKER: OnceLock<usize> = OnceLock::new();

/// From now on, records say that this process is the worker of that number.
#[cfg(unix)]
pub(crate) fn learn_worker_number(number: usize) {
    WORKER.get_or_init(|| number);
}

/// The fields of records that tell which of several processes logs.
pub(super) fn process_fields() -> Fields {
    let Some(&number) = WORKER.get() else { return Vec::new() };
    let number = i128::try_from(number).unwrap_or(i128::MAX);
    let pid = std::process::id().into();
    vec![("worker".into(), Value::Whole(number)), ("pid".into(), Value::Whole(pid))]
}

/// Installs the subscriber, or changes the minimum severity if it is installed. If the program has
/// another `tracing` subscriber, that one stays.
pub(crate) fn receive(threshold: Threshold) {
    THRESHOLD.store(threshold.0 as u8, Ordering::Relaxed);
    // Fails if there is a subscriber: ours from an earlier call, or the program's.
    let _ = tracing::subscriber::set_global_default(LogSubscriber);
    tracing::callsite::rebuild_interest_cache();
}

struct LogSubscriber;

/// The prefixes of our targets: our crates, our loggers, and this crate, whose library is named
/// after the Python module.
const OURS: [&str; 2] = ["maitred", env!("CARGO_CRATE_NAME")];

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

impl Subscriber for LogSubscriber {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Events of other crates, such as tokio, are ignored.
        metadata.is_event()
            && OURS.iter().any(|name| metadata.target().starts_with(name))
            && (metadata.target() == ERRORS
                || severity(*metadata.level()) as u8 >= THRESHOLD.load(Ordering::Relaxed))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let all = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        let threshold = THRESHOLD.load(Ordering::Relaxed).min(Severity::Warning as u8); // ERRORS
        all.into_iter().rfind(|level| severity(*level) as u8 >= threshold).map(LevelFilter::from)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut text = Text { message: String::new(), fields: Vec::new(), exception: None };
        event.record(&mut text);
        text.fields.extend(process_fields());
        super::log(Record {
            time: super::queue::now(),
            severity: severity(*metadata.level()),
            logger: match metadata.target() {
                target if target.starts_with("maitred.") => target.into(),
                _ => "maitred".into(),
            },
            thread: thread_name(),
            message: text.message,
            fields: text.fields,
            exception: text.exception,
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Collects the fields of an event.
struct Text {
    message: String,
    fields: Fields,
    exception: Option<Exception>,
}

impl Text {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text)) => self.message = text,
            (name, value) => self.fields.push((name.into(), value)),
        }
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Whole(value.into()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Whole(value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::Real(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Bool(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        match value.downcast_ref::<PyErr>() {
            Some(_) => self.exception = Exception::of(value), // its text has fields of its own
            None => self.add(field, Value::Text(value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_becomes_a_record_with_its_fields_and_the_logger_of_its_target() {
        receive(LogLevel::Info.into());
        let mut reader = super::super::process_queue::get_or_create().open();
        tracing::info!(target: "maitred.queue", waiting = 7, path = "/x", "the queue grows");
        tracing::info!("of this crate");
        tracing::debug!("not let in");
        tracing::info!(target: "tokio::net", "not ours");
        reader.close();
        let records = reader.next_batch().unwrap();
        assert_eq!(records.len(), 2);
        assert_eq!((&*records[1].logger, &*records[1].message), ("maitred", "of this crate"));
        let record = &records[0];
        assert_eq!(record.logger, "maitred.queue");
        assert_eq!(record.severity, Severity::Info);
        assert_eq!(record.message, "the queue grows");
        assert_eq!(
            record.fields,
            [("waiting".into(), Value::Whole(7)), ("path".into(), Value::Text("/x".into()))]
        );
    }
}
