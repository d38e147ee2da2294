//! Every metric: its name, type, labels and meaning. The scrape, its `# HELP` lines and
//! `docs/metrics.md` are generated from this file.
//!
//! Names follow the Prometheus conventions: base units, last in the name, `_total` for counters. No
//! label carries a path, a host or a client address, so that clients cannot affect the number of
//! series. The label `worker`, the number of the worker process, is on every series.

use std::borrow::Cow;
use std::time::Duration;

use super::labels::{
    CloseReason, ConnectionState, DisconnectStage, HandoffReason, HandoffRefusal, Label, LogStream,
    Method, RejectReason,
};
use maitred_http_parser::Rejection;
use maitred_http_parser::fault::Stage;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Whole numbers that only grow.
    Counter,
    /// Seconds, with fractions, that only grow: a counter to Prometheus. Such a family has no labels.
    Seconds,
    /// A value that goes up and down.
    Gauge,
    /// Durations, counted in buckets with these upper bounds in microseconds.
    Histogram(&'static [u64]),
}

/// A metric, with all its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Family {
    /// Its place in [`ALL`].
    pub(super) index: usize,
    /// Its full name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels besides `worker`.
    pub labels: &'static [LabelSet],
    /// Its meaning, with the values of its labels where they are a closed set.
    pub help: &'static str,
}

/// A label, and the values that it may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelSet {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub(super) values: LabelValues,
}

/// The values of a label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LabelValues {
    /// These.
    Closed(&'static [&'static str]),
    /// The status codes from 100 to 599, and `other`.
    Codes,
    /// The listeners by name; those beyond [`LISTENERS_MAX`] are together.
    Listeners,
    /// Text that is only known at run time. Only gauges have such a label.
    Text,
}

/// The lowest status code with a series of its own, and how many there are from it on.
pub(super) const CODES: (u16, usize) = (100, 500);

/// Status codes of `maitred_requests_total` that exist from the start, for every method.
const COMMON_CODES: [u16; 12] = [200, 201, 204, 301, 302, 304, 400, 403, 404, 499, 500, 503];

/// Listeners with a series of their own. A server listens on one or two addresses, rarely on five.
pub(super) const LISTENERS_MAX: usize = 63;

impl LabelSet {
    const fn closed<L: Label>(name: &'static str) -> Self {
        Self { name, values: LabelValues::Closed(L::NAMES) }
    }

    /// The number of values that counters are reserved for.
    pub(super) const fn len(&self) -> usize {
        match self.values {
            LabelValues::Closed(names) => names.len(),
            LabelValues::Codes => CODES.1 + 1,
            LabelValues::Listeners => LISTENERS_MAX + 1,
            LabelValues::Text => 0,
        }
    }

    /// The value of that index, if it exists; `listeners` are the names of the listeners.
    pub(super) fn value<'n>(&self, index: usize, listeners: &'n [String]) -> Option<Cow<'n, str>> {
        match self.values {
            LabelValues::Closed(names) => names.get(index).map(|name| (*name).into()),
            LabelValues::Codes if index < CODES.1 => {
                Some((usize::from(CODES.0) + index).to_string().into())
            }
            LabelValues::Codes => Some("other".into()),
            LabelValues::Listeners if index < LISTENERS_MAX => {
                listeners.get(index).map(|name| name.into())
            }
            LabelValues::Listeners => (listeners.len() > LISTENERS_MAX).then(|| "other".into()),
            LabelValues::Text => None,
        }
    }

    /// Whether a series with the value of that index exists before its first event.
    pub(super) fn exists_from_start(&self, index: usize) -> bool {
        match self.values {
            LabelValues::Codes => {
                COMMON_CODES.iter().any(|&code| usize::from(code - CODES.0) == index)
            }
            LabelValues::Closed(_) | LabelValues::Listeners | LabelValues::Text => true,
        }
    }
}

/// The values of the label `code_class`.
pub(super) const CODE_CLASSES: &[&str] = &["1xx", "2xx", "3xx", "4xx", "5xx"];

const fn text(name: &'static str) -> LabelSet {
    LabelSet { name, values: LabelValues::Text }
}

const fn one_of(name: &'static str, values: &'static [&'static str]) -> LabelSet {
    LabelSet { name, values: LabelValues::Closed(values) }
}

const METHOD: LabelSet = LabelSet::closed::<Method>("method");
const CODE: LabelSet = LabelSet { name: "code", values: LabelValues::Codes };
const CODE_CLASS: LabelSet = one_of("code_class", CODE_CLASSES);
const LISTENER: LabelSet = LabelSet { name: "listener", values: LabelValues::Listeners };
const DIRECTION: LabelSet = one_of("direction", &["in", "out"]);
const STORAGE: LabelSet = one_of("storage", &["memory", "disk"]);

impl Kind {
    /// The type in the Prometheus text format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter | Self::Seconds => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// From the wake-up of a thread to the default `queue-timeout`: 1 ms to 30 s.
const WAITS: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// OpenTelemetry's buckets for HTTP servers, 5 ms to 10 s, and two longer ones.
const DURATIONS: &[u64] = &[
    5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000, 1_000_000,
    2_500_000, 5_000_000, 7_500_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Declares the families, each as a constant, and [`ALL`] of them in this order.
macro_rules! families {
    ($($id:ident = $name:literal, $kind:expr, [$($label:expr),*], $help:literal;)*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "named as the constants")]
        enum Index {
            $($id),*
        }

        $(
            pub(super) const $id: Family = Family {
                index: Index::$id as usize,
                name: $name,
                kind: $kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every family there is, in the order of the documentation.
        pub const ALL: &[Family] = &[$($id),*];
    };
}

families! {
    BUILD_INFO = "maitred_build_info", Kind::Gauge,
        [text("version"), text("python_version"), text("python_implementation"), text("gil")],
        "Versions of the server and of the interpreter. Always 1.";
    READY = "maitred_ready", Kind::Gauge, [],
        "1 while /readyz answers 200.";
    DRAINING = "maitred_draining", Kind::Gauge, [],
        "1 from the moment the server starts to drain.";

    THREADS = "maitred_threads", Kind::Gauge, [],
        "Worker threads that take requests, without stuck ones that were replaced.";
    THREADS_LIMIT = "maitred_threads_limit", Kind::Gauge, [],
        "Intended number of worker threads: the setting threads.";
    THREADS_BUSY = "maitred_threads_busy", Kind::Gauge, [],
        "Worker threads that are serving a request.";
    THREADS_STUCK = "maitred_threads_stuck", Kind::Gauge, [],
        "Threads that still run a request that was aborted after request-timeout.";
    BUSY_SECONDS = "maitred_threads_busy_seconds_total", Kind::Seconds, [],
        "Thread-seconds spent serving requests, including running ones. The signal to scale on.";
    SATURATED_SECONDS = "maitred_threads_saturated_seconds_total", Kind::Seconds, [],
        "Seconds in which every worker thread was busy.";
    ATTACH_SECONDS = "maitred_python_attach_seconds_total", Kind::Seconds, [],
        "Seconds that worker threads with work to do waited for the GIL.";

    QUEUE_REQUESTS = "maitred_queue_requests", Kind::Gauge, [],
        "Requests that wait for a worker thread.";
    QUEUE_LIMIT = "maitred_queue_limit_requests", Kind::Gauge, [],
        "Maximum number of requests that may wait: the setting queue-limit.";
    QUEUE_WAIT = "maitred_queue_wait_seconds", Kind::Histogram(WAITS), [],
        "Time from a complete request to a worker thread taking it.";
    QUEUE_OLDEST = "maitred_queue_oldest_seconds", Kind::Gauge, [],
        "Age of the request that has waited longest, or 0. maitred_queue_wait_seconds contains \
         only requests that got a thread.";

    IN_PROGRESS = "maitred_requests_in_progress", Kind::Gauge, [],
        "Requests between their first byte and the last byte of their response.";
    REQUESTS = "maitred_requests_total", Kind::Counter, [METHOD, CODE],
        "Ended requests. method is a method of RFC 9110, PATCH or OTHER. code is the status; 499 \
         if the client disconnected before there was one; other outside 100 to 599. Rare codes \
         exist from their first use, all others from the start.";
    REQUEST_DURATION = "maitred_request_duration_seconds", Kind::Histogram(DURATIONS),
        [CODE_CLASS],
        "Time from the first byte of a request to the last byte of its response. code_class: 1xx \
         to 5xx.";
    APP_DURATION = "maitred_app_duration_seconds", Kind::Histogram(DURATIONS), [],
        "Time that a request occupied its worker thread, including close().";
    APP_EXCEPTIONS = "maitred_app_exceptions_total", Kind::Counter, [LabelSet::closed::<Stage>("stage")],
        "Exceptions raised by the application. stage: call, iterate, close.";
    PROTOCOL_ERRORS = "maitred_protocol_errors_total", Kind::Counter,
        [LabelSet::closed::<Rejection>("reason")],
        "Requests rejected because they were invalid, too large or too slow, by reason.";
    DISCONNECTS = "maitred_client_disconnects_total", Kind::Counter,
        [LabelSet::closed::<DisconnectStage>("stage")],
        "Clients that disconnected before the end of a request. stage: read, queue, app, write.";
    REQUEST_BYTES = "maitred_request_body_bytes_total", Kind::Counter, [],
        "Body bytes of ended requests, without transfer coding.";
    RESPONSE_BYTES = "maitred_response_body_bytes_total", Kind::Counter, [],
        "Body bytes of the responses of ended requests, without transfer coding.";
    SPOOL_BYTES = "maitred_spool_bytes", Kind::Gauge, [DIRECTION, STORAGE],
        "Bytes held for clients. direction: in for heads and bodies of requests, out for responses. \
         storage: memory (client-memory-limit), disk (spool-limit).";

    CONNECTIONS = "maitred_connections", Kind::Gauge, [LabelSet::closed::<ConnectionState>("state")],
        "Open client connections. state: idle, reading, queued, app, writing.";
    CONNECTIONS_LIMIT = "maitred_connections_limit", Kind::Gauge, [],
        "Maximum number of open client connections: the setting connection-limit.";
    ACCEPTED = "maitred_connections_accepted_total", Kind::Counter, [LISTENER],
        "Accepted client connections, including rejected ones.";
    CLOSED = "maitred_connections_closed_total", Kind::Counter,
        [LabelSet::closed::<CloseReason>("reason")],
        "Closed client connections. reason: client, finished, keep_alive_timeout, write_timeout, \
         protocol, evicted, rejected, drain, error, worker_died.";
    REJECTED = "maitred_connections_rejected_total", Kind::Counter,
        [LabelSet::closed::<RejectReason>("reason")],
        "Clients answered 503 by the server, or not accepted. reason: limit, queue_full, \
         queue_timeout, draining, file_descriptors, worker_hung, storage.";
    EVICTED = "maitred_connections_evicted_total", Kind::Counter, [],
        "Idle keep-alive connections closed to make room for a new one.";
    LIMIT_REACHED = "maitred_connection_limit_reached_total", Kind::Counter, [],
        "New connections that arrived at connection-limit; with connection-limit-action = \
         \"wait\", the times that accepting was paused for it.";
    ACCEPT_PAUSED_SECONDS = "maitred_accept_paused_seconds_total", Kind::Seconds, [],
        "Seconds in which a listener did not accept.";
    ACCEPT_PAUSED = "maitred_accept_paused", Kind::Gauge, [],
        "1 while a listener does not accept, because of connection-limit or a lack of file \
         descriptors.";
    BACKLOG = "maitred_listen_backlog_connections", Kind::Gauge, [LISTENER],
        "Connections in the kernel's backlog, not yet accepted (TCP on Linux).";
    BACKLOG_LIMIT = "maitred_listen_backlog_limit_connections", Kind::Gauge, [LISTENER],
        "Maximum length of the kernel's backlog (TCP on Linux).";
    UPSTREAM_QUEUE = "maitred_upstream_queue_seconds", Kind::Histogram(WAITS), [],
        "Time from X-Request-Start of a trusted proxy to the first byte received.";
    LOG_DROPPED = "maitred_log_dropped_total", Kind::Counter, [LabelSet::closed::<LogStream>("stream")],
        "Log records dropped because they could not be written fast enough. stream: server, \
         access.";

    HANDOFFS = "maitred_handoffs_total", Kind::Counter, [LabelSet::closed::<HandoffReason>("why")],
        "Connections handed over to another worker process. why: arrival, tick, pull, level, retire.";
    HANDOFFS_ADOPTED = "maitred_handoffs_adopted_total", Kind::Counter, [],
        "Connections of another worker process that were continued.";
    HANDOFFS_REFUSED = "maitred_handoffs_refused_total", Kind::Counter,
        [LabelSet::closed::<HandoffRefusal>("why")],
        "Connections that could not be handed over, and stayed; with why = \"truncated\", that were \
         lost. why: full, descriptors, truncated, gone.";
    UNMOVABLE_WAITS = "maitred_unmovable_waits_total", Kind::Counter, [],
        "Requests that waited for more than 5 ms while another worker process had room, and could \
         not move.";

    PROCESS_CPU = "process_cpu_seconds_total", Kind::Seconds, [],
        "User and system CPU time.";
    PROCESS_RESIDENT = "process_resident_memory_bytes", Kind::Gauge, [],
        "Resident memory.";
    PROCESS_OPEN_FDS = "process_open_fds", Kind::Gauge, [],
        "Open file descriptors.";
    PROCESS_MAX_FDS = "process_max_fds", Kind::Gauge, [],
        "Maximum number of open file descriptors.";
    PROCESS_THREADS = "process_threads", Kind::Gauge, [],
        "Threads of the process, including those of the application.";
    PROCESS_START = "process_start_time_seconds", Kind::Gauge, [],
        "Start time of the process, in seconds since 1970.";
}

/// The bound of a bucket in seconds, as Prometheus writes it.
pub(super) fn seconds(microseconds: u64) -> f64 {
    Duration::from_micros(microseconds).as_secs_f64()
}

/// `docs/metrics.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Generated from `crates/server/src/telemetry/families.rs`: \
         `cargo run -p maitred-server --example metrics-md`.\n\n\
         `/metrics` on the admin listener (`admin-listen`) answers in the Prometheus text format \
         0.0.4. Every series\nexists from the start, so that `increase()` counts the first event. \
         Every series also has the label `worker`, the\nnumber of the worker process; without a \
         supervisor it is `0`. What a worker counts stays with its number when its\nprocess is \
         replaced or dies, so no counter goes back. With more than 8 workers, or \
         `metrics-by-worker = false`,\nonly threads and connections have a series for each worker, \
         and everything else is summed up as `all`.\n\n\
         | name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for family in ALL {
        let labels: Vec<_> =
            family.labels.iter().map(|label| format!("`{}`", label.name)).collect();
        page.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            family.name,
            family.kind.name(),
            labels.join(", "),
            family.help
        ));
    }
    page.push_str(
        "\n## Worker processes\n\n\
         Only with a supervisor (`workers`). `worker` is `supervisor`, or the number of the worker \
         that the series is\nabout.\n\n\
         | name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for family in super::workers::ALL {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (family.name, family.kind, family.help);
        page.push_str(&format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", ")));
    }
    page.push_str("\n## Buckets\n\nUpper bounds in seconds; `+Inf` follows.\n\n");
    for family in ALL {
        if let Kind::Histogram(bounds) = family.kind {
            let bounds: Vec<_> = bounds.iter().map(|&us| seconds(us).to_string()).collect();
            page.push_str(&format!("- `{}`: {}\n", family.name, bounds.join(", ")));
        }
    }
    page
}
