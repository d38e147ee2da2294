//! What one process has counted so far, in the few sums that the live page plots.
//!
//! They are read from the same cells and values as a scrape, so a plot costs no request anything.

use super::cells::Cells;
use super::counters;
use super::families::{self, CODE_CLASSES, Family, Kind};
use super::histogram::Histogram;
use super::labels::{Label as _, Method, RejectReason};
use super::layout::first_cell;
use super::values::Values;
use maitred_http_parser::fault::Stage;

/// The number of buckets of the duration of a request, that without an upper bound included.
pub(crate) const BUCKETS: usize = DURATIONS.len() + 1;

/// The upper bounds of the others, in microseconds.
pub(crate) const DURATIONS: &[u64] = match families::REQUEST_DURATION.kind {
    Kind::Histogram(bounds) => bounds,
    Kind::Counter | Kind::Seconds | Kind::Gauge => panic!("the family is no histogram"),
};

/// The lowest status that is the server's or the application's fault, and how many there are.
const SERVER_ERRORS: (u16, u16) = (500, 100);

/// The place of 500 among them.
const INTERNAL_SERVER_ERROR: usize = 0;

/// The kinds of failures.
const FAILURES: usize = SERVER_ERRORS.1 as usize + Stage::ALL.len() + RejectReason::ALL.len();

/// What one process, or all of a number, have counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// Requests that have ended.
    pub(crate) requests: u64,
    /// Those with a status of 5xx.
    pub(crate) server_errors: u64,
    /// Their durations: how many are in each bucket.
    pub(crate) durations: [u64; BUCKETS],
    /// Thread-seconds spent serving.
    pub(crate) busy_seconds: f64,
    /// Seconds in which every thread was busy.
    pub(crate) saturated_seconds: f64,
    /// Seconds that woken threads waited for the GIL.
    pub(crate) attach_seconds: f64,
    /// Threads that take requests.
    pub(crate) threads: f64,
    /// Requests that wait for a thread.
    pub(crate) queued: f64,
    /// How often each kind of failure has occurred.
    failures: [u64; FAILURES],
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            requests: 0,
            server_errors: 0,
            durations: [0; BUCKETS],
            busy_seconds: 0.0,
            saturated_seconds: 0.0,
            attach_seconds: 0.0,
            threads: 0.0,
            queued: 0.0,
            failures: [0; FAILURES],
        }
    }
}

impl Totals {
    /// Reads them.
    pub(crate) fn read(cells: &Cells, values: &Values) -> Self {
        let block = cells.block();
        let mut totals = Self::default();
        for class in 0..CODE_CLASSES.len() {
            let observed = Histogram::of(&families::REQUEST_DURATION).series(class).read(block);
            let mut below = 0;
            for (bucket, (_, up_to)) in totals.durations.iter_mut().zip(observed.up_to) {
                *bucket = bucket.wrapping_add(up_to.wrapping_sub(below)); // as the cells do
                below = up_to;
            }
            totals.requests = totals.requests.wrapping_add(observed.count);
            totals.server_errors = observed.count; // the last class is 5xx
        }
        let seconds = |family: &Family| {
            block.duration(first_cell(family)).as_secs_f64() + values.get(family, 0).unwrap_or(0.0)
        };
        totals.busy_seconds = seconds(&families::BUSY_SECONDS);
        totals.saturated_seconds = seconds(&families::SATURATED_SECONDS);
        totals.attach_seconds = seconds(&families::ATTACH_SECONDS);
        totals.threads = values.get(&families::THREADS, 0).unwrap_or(0.0);
        totals.queued = values.get(&families::QUEUE_REQUESTS, 0).unwrap_or(0.0);
        let cells = failing_cells()
            .map(|cells| cells.map(|cell| block.get(cell)).fold(0, u64::wrapping_add));
        for (failure, count) in totals.failures.iter_mut().zip(cells) {
            *failure = count;
        }
        totals
    }

    /// What of `self` has come since `before`. A count that went back counts from zero.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let seconds = |now: f64, before: f64| (now - before).max(0.0);
        Self {
            requests: self.requests.saturating_sub(before.requests),
            server_errors: self.server_errors.saturating_sub(before.server_errors),
            durations: std::array::from_fn(|at| {
                self.durations[at].saturating_sub(before.durations[at])
            }),
            busy_seconds: seconds(self.busy_seconds, before.busy_seconds),
            saturated_seconds: seconds(self.saturated_seconds, before.saturated_seconds),
            attach_seconds: seconds(self.attach_seconds, before.attach_seconds),
            threads: self.threads,
            queued: self.queued,
            failures: std::array::from_fn(|at| {
                self.failures[at].saturating_sub(before.failures[at])
            }),
        }
    }

    /// Adds those of another number.
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests = self.requests.wrapping_add(other.requests);
        self.server_errors = self.server_errors.wrapping_add(other.server_errors);
        for (own, other) in self.durations.iter_mut().zip(other.durations) {
            *own = own.wrapping_add(other);
        }
        self.busy_seconds += other.busy_seconds;
        self.saturated_seconds += other.saturated_seconds;
        self.attach_seconds += other.attach_seconds;
        self.threads += other.threads;
        self.queued += other.queued;
        for (own, other) in self.failures.iter_mut().zip(other.failures) {
            *own = own.wrapping_add(other);
        }
    }

    /// What has failed, in words, and how often. The status of a response to an exception says nothing
    /// new.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        let raised = self.failures[usize::from(SERVER_ERRORS.1) + Stage::Call.index()];
        let counts = self.failures.iter().enumerate().map(move |(kind, count)| match kind {
            INTERNAL_SERVER_ERROR => (kind, count.saturating_sub(raised)),
            _ => (kind, *count),
        });
        counts.filter(|(_, count)| *count > 0).map(|(kind, count)| (failure_name(kind), count))
    }
}

/// The cells of each kind of failure, in the order of [`failure_name`].
fn failing_cells() -> impl Iterator<Item = Box<dyn Iterator<Item = usize>>> {
    let (first, count) = SERVER_ERRORS;
    let codes = (first..first + count).map(|code| {
        let cells = Method::ALL.iter().map(move |method| counters::requests(*method, code));
        Box::new(cells) as Box<dyn Iterator<Item = usize>>
    });
    let one = |cell: usize| Box::new(std::iter::once(cell)) as Box<dyn Iterator<Item = usize>>;
    let stages = Stage::ALL.iter().map(|stage| counters::APP_EXCEPTIONS.at(*stage));
    let reasons = RejectReason::ALL.iter().map(|reason| counters::REJECTED.at(*reason));
    codes.chain(stages.chain(reasons).map(one))
}

fn failure_name(kind: usize) -> String {
    let (first, count) = SERVER_ERRORS;
    let stages = usize::from(count)..usize::from(count) + Stage::ALL.len();
    if let Some(stage) = kind.checked_sub(stages.start).and_then(|at| Stage::ALL.get(at)) {
        return match stage {
            Stage::Call => "exception of the application".into(),
            Stage::Iterate => "exception of the application, while its response was sent".into(),
            Stage::Close => "exception of the application in close()".into(),
        };
    }
    match kind.checked_sub(stages.end).and_then(|at| RejectReason::ALL.get(at)) {
        Some(RejectReason::Limit) => "client turned away: connection-limit is reached".into(),
        Some(RejectReason::QueueFull) => "request turned away: the queue is full".into(),
        Some(RejectReason::QueueTimeout) => {
            "request turned away: it waited for queue-timeout".into()
        }
        Some(RejectReason::Draining) => "client turned away: the server stops".into(),
        Some(RejectReason::FileDescriptors) => "client turned away: no file descriptors".into(),
        Some(RejectReason::WorkerHung) => "request turned away: the worker process hung".into(),
        Some(RejectReason::Storage) => {
            "request turned away: neither memory nor disk is left for it".into()
        }
        None => format!("response with status {}", usize::from(first) + kind),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn requests_are_counted_in_the_bucket_of_their_duration_whatever_their_status() {
        let cells = Cells::on_heap();
        for (code, ms) in [(200, 1), (404, 1), (503, 40)] {
            let duration = Duration::from_millis(ms);
            counters::request_duration(code).observe(cells.block(), duration);
        }
        let totals = Totals::read(&cells, &Values::default());
        assert_eq!((totals.requests, totals.server_errors), (3, 1));
        assert_eq!(totals.durations.iter().sum::<u64>(), 3);
        assert_eq!(totals.durations.iter().max(), Some(&2));
    }

    #[test]
    fn every_kind_of_failure_is_told_by_its_name() {
        let cells = Cells::on_heap();
        let before = Totals::read(&cells, &Values::default());
        for cell in [
            counters::requests(Method::Get, 500),
            counters::requests(Method::Post, 500),
            counters::requests(Method::Get, 599),
            counters::requests(Method::Get, 499),
            counters::APP_EXCEPTIONS.at(Stage::Call),
            counters::APP_EXCEPTIONS.at(Stage::Close),
            counters::REJECTED.at(RejectReason::FileDescriptors),
        ] {
            cells.count(cell);
        }
        let now = Totals::read(&cells, &Values::default());
        let told: Vec<_> = now.since(&before).failures().collect();
        let expected = [
            ("response with status 500", 1),
            ("response with status 599", 1),
            ("exception of the application", 1),
            ("exception of the application in close()", 1),
            ("client turned away: no file descriptors", 1),
        ];
        assert_eq!(told, expected.map(|(name, count)| (name.to_owned(), count)));
    }

    #[test]
    fn a_count_that_went_back_is_no_event() {
        let cells = Cells::on_heap();
        let before = Totals::read(&cells, &Values::default());
        cells.count(counters::requests(Method::Get, 500));
        let now = Totals::read(&cells, &Values::default());
        assert_eq!(before.since(&now), Totals::default());
    }
}
