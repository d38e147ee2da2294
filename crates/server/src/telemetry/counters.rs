//! The series of the metrics that are counted as events happen, and their handles.
//!
//! Each server has its own recorder, so two servers in one process have separate metrics. Every
//! series is registered when the server is created, and its handle kept, so a request does no
//! lookup and allocates nothing. Counters and gauges come from the recorder, histograms from
//! `histogram.rs`. Values that can be read at scrape time are in `scrape.rs`.

use std::fmt::{self, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Counter, Gauge, Key, Label as Pair, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::families::{self, Family, Kind, WORKER};
use super::histogram::Histogram;
use super::labels::{CloseReason, DisconnectStage, Label, LogStream, Method, RejectReason};
use maitred_http_parser::Rejection;
use maitred_http_parser::fault::Stage;

/// Codes of `maitred_requests_total` that exist from the start, for every method.
const COMMON_CODES: [u16; 12] = [200, 201, 204, 301, 302, 304, 400, 403, 404, 499, 500, 503];

/// The lowest code with a series of its own, and how many there are from it on.
const CODES: (u16, usize) = (100, 500);

/// The series of one family with one label, whose values are a closed set.
pub(super) struct Each<L, M> {
    handles: Box<[M]>,
    label: std::marker::PhantomData<L>,
}

impl<L: Label, M> Each<L, M> {
    fn new(register: impl Fn(&'static str) -> M) -> Self {
        Self {
            handles: L::ALL.iter().map(|label| register(label.name())).collect(),
            label: std::marker::PhantomData,
        }
    }

    /// The series of one value.
    pub(super) fn of(&self, label: L) -> &M {
        &self.handles[label.index()]
    }
}

/// The values of the label `code_class`.
const CODE_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The handles.
pub(super) struct Counters {
    registry: Registry,
    requests: Box<[OnceLock<Counter>]>,
    request_duration: [Histogram; CODE_CLASSES.len()],
    pub(super) app_duration: Histogram,
    pub(super) queue_wait: Histogram,
    pub(super) upstream_queue: Histogram,
    pub(super) app_exceptions: Each<Stage, Counter>,
    pub(super) protocol_errors: Each<Rejection, Counter>,
    pub(super) disconnects: Each<DisconnectStage, Counter>,
    pub(super) request_bytes: Counter,
    pub(super) response_bytes: Counter,
    accepted: OnceLock<Box<[Counter]>>,
    pub(super) closed: Each<CloseReason, Counter>,
    pub(super) rejected: Each<RejectReason, Counter>,
    pub(super) evicted: Counter,
    pub(super) limit_reached: Counter,
    pub(super) log_dropped: Each<LogStream, Counter>,
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Counters {
    /// Registers every series.
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let one = |family: &Family| registry.counter(family, &[]);
        let metrics = Self {
            requests: (0..Method::ALL.len() * (CODES.1 + 1)).map(|_| OnceLock::new()).collect(),
            request_duration: CODE_CLASSES.map(|_| Histogram::new(&families::REQUEST_DURATION)),
            app_duration: Histogram::new(&families::APP_DURATION),
            queue_wait: Histogram::new(&families::QUEUE_WAIT),
            upstream_queue: Histogram::new(&families::UPSTREAM_QUEUE),
            app_exceptions: registry.each(&families::APP_EXCEPTIONS),
            protocol_errors: registry.each(&families::PROTOCOL_ERRORS),
            disconnects: registry.each(&families::DISCONNECTS),
            request_bytes: one(&families::REQUEST_BYTES),
            response_bytes: one(&families::RESPONSE_BYTES),
            accepted: OnceLock::new(),
            closed: registry.each(&families::CLOSED),
            rejected: registry.each(&families::REJECTED),
            evicted: one(&families::EVICTED),
            limit_reached: one(&families::LIMIT_REACHED),
            log_dropped: registry.each(&families::LOG_DROPPED),
            registry,
        };
        for &method in Method::ALL {
            for code in COMMON_CODES {
                metrics.requests(method, code);
            }
        }
        metrics
    }

    /// The listeners are known.
    pub(super) fn listen(&self, names: &[String]) {
        self.accepted.get_or_init(|| {
            names.iter().map(|name| self.registry.counter(&families::ACCEPTED, &[name])).collect()
        });
    }

    /// The counter of connections accepted on a listener.
    pub(super) fn accepted(&self, listener: usize) -> Option<&Counter> {
        self.accepted.get()?.get(listener)
    }

    /// The counter of requests with a method and a status.
    pub(super) fn requests(&self, method: Method, code: u16) -> &Counter {
        let (first, count) = CODES;
        let at = usize::from(code).checked_sub(usize::from(first)).filter(|at| *at < count);
        let cell = &self.requests[method.index() * (count + 1) + at.unwrap_or(count)];
        cell.get_or_init(|| {
            let code = if at.is_some() { code.to_string() } else { "other".to_owned() };
            self.registry.counter(&families::REQUESTS, &[method.name(), &code])
        })
    }

    /// The histogram of request durations of a status.
    pub(super) fn request_duration(&self, code: u16) -> &Histogram {
        &self.request_duration[usize::from(code / 100).clamp(1, 5) - 1]
    }

    /// Registers a gauge, or finds it again.
    pub(super) fn gauge(&self, family: &Family, labels: &[&str]) -> Gauge {
        self.registry.gauge(family, labels)
    }

    /// The counters and gauges as Prometheus reads them.
    pub(super) fn render(&self) -> String {
        self.registry.handle.render()
    }

    /// The histograms, likewise; an empty line follows each family.
    pub(super) fn write_histograms(&self, out: &mut String) {
        let classes = CODE_CLASSES.map(|class| [("code_class", class)]);
        let by_class = self.request_duration.iter().zip(&classes);
        let by_class: Vec<_> = by_class.map(|(series, labels)| (series, &labels[..])).collect();
        for (family, series) in [
            (&families::REQUEST_DURATION, by_class),
            (&families::APP_DURATION, vec![(&self.app_duration, &[][..])]),
            (&families::QUEUE_WAIT, vec![(&self.queue_wait, &[][..])]),
            (&families::UPSTREAM_QUEUE, vec![(&self.upstream_queue, &[][..])]),
        ] {
            let Family { name, help, .. } = family;
            // Writing to a String cannot fail.
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} histogram\n");
            for (histogram, labels) in series {
                histogram.write(out, name, labels);
            }
            out.push('\n');
        }
    }
}

/// Where series are registered.
struct Registry {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

const METADATA: Metadata<'_> = Metadata::new("maitred", Level::INFO, None);

impl Registry {
    fn new() -> Self {
        let builder = PrometheusBuilder::new().add_global_label("worker", WORKER);
        let recorder = builder.build_recorder();
        for family in families::ALL {
            let (name, help) = (family.name.into(), family.help.into());
            match family.kind {
                Kind::Counter => recorder.describe_counter(name, None, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                // WriteResult by ourselves.
                Kind::Histogram(_) | Kind::Seconds => {}
            }
        }
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    fn counter(&self, family: &Family, labels: &[&str]) -> Counter {
        self.recorder.register_counter(&key(family, labels), &METADATA)
    }

    fn gauge(&self, family: &Family, labels: &[&str]) -> Gauge {
        self.recorder.register_gauge(&key(family, labels), &METADATA)
    }

    fn each<L: Label>(&self, family: &Family) -> Each<L, Counter> {
        Each::new(|label| self.counter(family, &[label]))
    }
}

fn key(family: &Family, values: &[&str]) -> Key {
    debug_assert_eq!(family.labels.len(), values.len());
    let pairs = family.labels.iter().zip(values);
    let pairs: Vec<_> = pairs.map(|(name, value)| Pair::new(*name, (*value).to_owned())).collect();
    Key::from_parts(family.name, pairs)
}

/// Seconds, as metrics count time.
pub(super) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
