//! Every metric: its name, type, labels and meaning. The scrape, its `# HELP` lines and
//! `docs/metrics.md` are generated from this file.
//!
//! Names follow the Prometheus conventions: base units, last in the name, `_total` for counters. No
//! label carries a path, a host or a client address, so that clients cannot affect the number of
//! series. The label `worker`, the number of the worker process, is on every series.

/// The number of this worker process.
pub(super) const WORKER: &str = "0";

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Whole numbers that only grow.
    Counter,
    /// Seconds, with fractions, that only grow: a counter to Prometheus.
    Seconds,
    /// A value that comes and goes.
    Gauge,
    /// Observations, counted in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// A metric, with all its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Family {
    /// Its whole name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its labels besides `worker`.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

impl Kind {
    /// The type that Prometheus is told.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter | Self::Seconds => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// From a wake-up of a thread to the longest `queue-timeout` that makes sense.
const WAITS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// OpenTelemetry's for HTTP servers, and what is longer.
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
        "What runs: the server's version and the interpreter's. Always 1.";
    READY = "maitred_ready", Kind::Gauge, [],
        "1 while /readyz answers 200.";
    DRAINING = "maitred_draining", Kind::Gauge, [],
        "1 from the moment the server is told to stop.";

    THREADS = "maitred_threads", Kind::Gauge, [],
        "Worker threads that take requests; stuck ones that were replaced are not among them.";
    THREADS_LIMIT = "maitred_threads_limit", Kind::Gauge, [],
        "Worker threads there should be: the setting threads.";
    THREADS_BUSY = "maitred_threads_busy", Kind::Gauge, [],
        "Worker threads that serve a request now.";
    THREADS_STUCK = "maitred_threads_stuck", Kind::Gauge, [],
        "Threads that still run a request that was answered 504 after request-timeout.";
    BUSY_SECONDS = "maitred_threads_busy_seconds_total", Kind::Seconds, [],
        "Thread-seconds spent serving, running requests up to now included. The signal to scale on.";
    SATURATED_SECONDS = "maitred_threads_saturated_seconds_total", Kind::Seconds, [],
        "Seconds in which every worker thread was busy.";
    ATTACH_SECONDS = "maitred_python_attach_seconds_total", Kind::Seconds, [],
        "Seconds that threads with work to do waited for the interpreter's lock.";

    QUEUE_REQUESTS = "maitred_queue_requests", Kind::Gauge, [],
        "Requests that wait for a worker thread.";
    QUEUE_LIMIT = "maitred_queue_limit_requests", Kind::Gauge, [],
        "Requests that may wait: the setting queue-limit.";
    QUEUE_WAIT = "maitred_queue_wait_seconds", Kind::Histogram(WAITS), [],
        "How long requests waited until a worker thread took them.";
    QUEUE_OLDEST = "maitred_queue_oldest_seconds", Kind::Gauge, [],
        "Age of the request that has waited longest; 0 when none waits. \
         maitred_queue_wait_seconds only knows those that got a thread.";

    IN_PROGRESS = "maitred_requests_in_progress", Kind::Gauge, [],
        "Requests between their first byte and the last byte of their answer.";
    REQUESTS = "maitred_requests_total", Kind::Counter, ["method", "code"],
        "Requests that ended. method is one of nine or OTHER; code is the status, 499 where the \
         client left before there was one, or other outside 100 to 599. Codes that are rare exist \
         from their first use on, all others from the start.";
    REQUEST_DURATION = "maitred_request_duration_seconds", Kind::Histogram(DURATIONS),
        ["code_class"],
        "From the first byte of a request to the last byte of its answer.";
    APP_DURATION = "maitred_app_duration_seconds", Kind::Histogram(DURATIONS), [],
        "How long a request kept its worker thread: from its being taken to close().";
    APP_EXCEPTIONS = "maitred_app_exceptions_total", Kind::Counter, ["stage"],
        "Exceptions that left the application, by what it was doing.";
    PROTOCOL_ERRORS = "maitred_protocol_errors_total", Kind::Counter, ["reason"],
        "Requests refused for what the client sent, or did not send in time.";
    DISCONNECTS = "maitred_client_disconnects_total", Kind::Counter, ["stage"],
        "Clients that left before the end of a request: while it was read, waited in the queue, \
         was served by the application, or its answer was written.";
    REQUEST_BYTES = "maitred_request_body_bytes_total", Kind::Counter, [],
        "Bytes of the request bodies of ended requests, without transfer coding.";
    RESPONSE_BYTES = "maitred_response_body_bytes_total", Kind::Counter, [],
        "Bytes of the response bodies of ended requests, without transfer coding.";
    SPOOL_BYTES = "maitred_spool_bytes", Kind::Gauge, ["direction", "storage"],
        "Bytes of bodies held for slow clients: in = request bodies, out = response bodies.";

    CONNECTIONS = "maitred_connections", Kind::Gauge, ["state"],
        "Open client connections, by what they are doing.";
    CONNECTIONS_LIMIT = "maitred_connections_limit", Kind::Gauge, [],
        "Client connections that may be open: the setting connection-limit.";
    ACCEPTED = "maitred_connections_accepted_total", Kind::Counter, ["listener"],
        "Client connections that were accepted, those turned away included.";
    CLOSED = "maitred_connections_closed_total", Kind::Counter, ["reason"],
        "Client connections that ended, by why.";
    REJECTED = "maitred_connections_rejected_total", Kind::Counter, ["reason"],
        "Clients turned away with 503, or not accepted for want of file descriptors, by cause.";
    EVICTED = "maitred_connections_evicted_total", Kind::Counter, [],
        "Idle keep-alive connections closed to make room for a newcomer.";
    LIMIT_REACHED = "maitred_connection_limit_reached_total", Kind::Counter, [],
        "Newcomers that found connection-limit reached; with connection-limit-action = \"wait\", \
         times accepting stopped for it.";
    ACCEPT_PAUSED_SECONDS = "maitred_accept_paused_seconds_total", Kind::Seconds, [],
        "Seconds in which a listener did not accept.";
    ACCEPT_PAUSED = "maitred_accept_paused", Kind::Gauge, [],
        "1 while a listener does not accept, for connection-limit or want of file descriptors.";
    BACKLOG = "maitred_listen_backlog_connections", Kind::Gauge, ["listener"],
        "Connections that the kernel has taken and the server has not (TCP on Linux).";
    BACKLOG_LIMIT = "maitred_listen_backlog_limit_connections", Kind::Gauge, ["listener"],
        "Connections that the kernel keeps for the server at most (TCP on Linux).";
    UPSTREAM_QUEUE = "maitred_upstream_queue_seconds", Kind::Histogram(WAITS), [],
        "From X-Request-Start of a trusted proxy to the first byte here.";
    LOG_DROPPED = "maitred_log_dropped_total", Kind::Counter, ["stream"],
        "Records dropped because a log could not be written fast enough.";

    PROCESS_CPU = "process_cpu_seconds_total", Kind::Seconds, [],
        "Processor time used, user and system.";
    PROCESS_RESIDENT = "process_resident_memory_bytes", Kind::Gauge, [],
        "Resident memory.";
    PROCESS_OPEN_FDS = "process_open_fds", Kind::Gauge, [],
        "Open file descriptors.";
    PROCESS_MAX_FDS = "process_max_fds", Kind::Gauge, [],
        "File descriptors that may be open.";
    PROCESS_THREADS = "process_threads", Kind::Gauge, [],
        "Threads of the process, of every kind.";
    PROCESS_START = "process_start_time_seconds", Kind::Gauge, [],
        "When the process began, in seconds since 1970.";
}

/// `docs/metrics.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Generated from `crates/server/src/telemetry/families.rs`: \
         `cargo run -p maitred-server --example metrics-md`.\n\n\
         `/metrics` on the admin listener (`admin-listen`) answers in the Prometheus text format \
         0.0.4. Every series\nexists from the start, so that `increase()` sees the first event. The \
         label `worker` is the number of the worker\nprocess, `0` when there is one.\n\n\
         | name | type | labels | what it tells |\n|---|---|---|---|\n",
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
