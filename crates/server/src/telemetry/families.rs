//! Every metric: its name, type, labels and meaning. The scrape, its `# HELP` lines and
//! `docs/metrics.md` are generated from this file.
//!
//! RequestIds follow the Prometheus conventions: base units, last in the name, `_total` for counters. No
//! label carries a path, a host or a client address, so that clients cannot affect the number of
//! series. The label `worker`, the number of the worker process, is on every series.

/// The number of this worker process.
pub(super) const WORKER: &str = "0";

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Whole numbers that only grow.
    Counter,
    /// Seconds, with fractions, that only grow: a counter to Prometheus.
    Seconds,
    /// A value that goes up and down.
    Gauge,
    /// Observations, counted in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// A metric, with all its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Family {
    /// Its full name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels besides `worker`.
    pub labels: &'static [&'static str],
    /// Its meaning, with the values of its labels where they are a closed set.
    pub help: &'static str,
}

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

/// From the wake-up of a thread to the default `queue-timeout`.
const WAITS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// OpenTelemetry's buckets for HTTP servers, and two longer ones.
const DURATIONS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0];

/// Declares the families, each as a constant, and [`ALL`] of them in this order.
macro_rules! families {
    ($($id:ident = $name:literal, $kind:expr, [$($label:literal),*], $help:literal;)*) => {
        $(
            pub(super) const $id: Family = Family {
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
        ["version", "python_version", "python_implementation", "gil"],
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
    REQUESTS = "maitred_requests_total", Kind::Counter, ["method", "code"],
        "Ended requests. method is a method of RFC 9110, PATCH or OTHER. code is the status; 499 \
         if the client disconnected before there was one; other outside 100 to 599. Rare codes \
         exist from their first use, all others from the start.";
    REQUEST_DURATION = "maitred_request_duration_seconds", Kind::Histogram(DURATIONS),
        ["code_class"],
        "Time from the first byte of a request to the last byte of its response. code_class: 1xx \
         to 5xx.";
    APP_DURATION = "maitred_app_duration_seconds", Kind::Histogram(DURATIONS), [],
        "Time that a request occupied its worker thread, including close().";
    APP_EXCEPTIONS = "maitred_app_exceptions_total", Kind::Counter, ["stage"],
        "Exceptions raised by the application. stage: call, iterate, close.";
    PROTOCOL_ERRORS = "maitred_protocol_errors_total", Kind::Counter, ["reason"],
        "Requests rejected because they were invalid, too large or too slow, by reason.";
    DISCONNECTS = "maitred_client_disconnects_total", Kind::Counter, ["stage"],
        "Clients that disconnected before the end of a request. stage: read, queue, app, write.";
    REQUEST_BYTES = "maitred_request_body_bytes_total", Kind::Counter, [],
        "Body bytes of ended requests, without transfer coding.";
    RESPONSE_BYTES = "maitred_response_body_bytes_total", Kind::Counter, [],
        "Body bytes of the responses of ended requests, without transfer coding.";
    SPOOL_BYTES = "maitred_spool_bytes", Kind::Gauge, ["direction", "storage"],
        "Bytes of buffered bodies. direction: in for requests, out for responses. storage: memory, \
         disk.";

    CONNECTIONS = "maitred_connections", Kind::Gauge, ["state"],
        "Open client connections. state: idle, reading, queued, app, writing.";
    CONNECTIONS_LIMIT = "maitred_connections_limit", Kind::Gauge, [],
        "Maximum number of open client connections: the setting connection-limit.";
    ACCEPTED = "maitred_connections_accepted_total", Kind::Counter, ["listener"],
        "Accepted client connections, including rejected ones.";
    CLOSED = "maitred_connections_closed_total", Kind::Counter, ["reason"],
        "Closed client connections. reason: client, finished, keep_alive_timeout, write_timeout, \
         protocol, evicted, rejected, drain, error.";
    REJECTED = "maitred_connections_rejected_total", Kind::Counter, ["reason"],
        "Clients answered 503 by the server, or not accepted. reason: limit, queue_full, \
         queue_timeout, draining, file_descriptors.";
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
    BACKLOG = "maitred_listen_backlog_connections", Kind::Gauge, ["listener"],
        "Connections in the kernel's backlog, not yet accepted (TCP on Linux).";
    BACKLOG_LIMIT = "maitred_listen_backlog_limit_connections", Kind::Gauge, ["listener"],
        "Maximum length of the kernel's backlog (TCP on Linux).";
    UPSTREAM_QUEUE = "maitred_upstream_queue_seconds", Kind::Histogram(WAITS), [],
        "Time from X-Request-Start of a trusted proxy to the first byte received.";
    LOG_DROPPED = "maitred_log_dropped_total", Kind::Counter, ["stream"],
        "Log records dropped because they could not be written fast enough. stream: server, \
         access.";

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

/// `docs/metrics.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Generated from `crates/server/src/telemetry/families.rs`: \
         `cargo run -p maitred-server --example metrics-md`.\n\n\
         `/metrics` on the admin listener (`admin-listen`) answers in the Prometheus text format \
         0.0.4. Every series\nexists from the start, so that `increase()` counts the first event. \
         Every series also has the label `worker`, the\nnumber of the worker process; so far, it is \
         always `0`.\n\n\
         | name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for family in ALL {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        page.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            family.name,
            family.kind.name(),
            labels.join(", "),
            family.help
        ));
    }
    page.push_str("\n## Buckets\n\nUpper bounds in seconds; `+Inf` follows.\n\n");
    for family in ALL {
        if let Kind::Histogram(bounds) = family.kind {
            let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
            page.push_str(&format!("- `{}`: {}\n", family.name, bounds.join(", ")));
        }
    }
    page
}
