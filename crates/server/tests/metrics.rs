//! Tests of the metrics: all exist from the start, and their values are exact.

mod support;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use maitred_config::{ConnectionLimitAction, Settings, TrustedProxies};
use maitred_http_parser::Rejection;
use maitred_http_parser::fault::Stage;
use maitred_server::telemetry::families::{ALL, Kind, page};
use maitred_server::{Gil, Interpreter, Telemetry};
use support::{App, Client, Gate, Served, answer, eventually, settings};

/// A gate for each path.
#[derive(Default)]
struct Gates(Mutex<HashMap<String, Arc<Gate>>>);

impl Gates {
    fn of(&self, path: &str) -> Arc<Gate> {
        let mut gates = self.0.lock().expect("no test panics in here");
        gates.entry(path.to_owned()).or_default().clone()
    }

    /// An application that answers a path when its gate is open.
    fn application(self: &Arc<Self>) -> Arc<App> {
        let gates = Arc::clone(self);
        App::new(move |exchange| {
            gates.of(&String::from_utf8_lossy(exchange.head.path())).pass();
            answer(exchange, b"hello");
        })
    }
}

/// A server whose clock only moves when it is put forward.
fn standing(settings: Settings, application: Arc<App>) -> Served {
    let telemetry = support::standing(&settings);
    Served::start_whole(settings, application, Gil::Disabled, telemetry)
}

fn asks(served: &Served, path: &str) -> Client {
    let mut client = served.connect();
    client.ask(path);
    client
}

/// The lines with a value. Empty lines mean nothing.
fn samples(scrape: &str) -> impl Iterator<Item = &str> {
    scrape.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The names of the families that a scrape announces, and those that have a sample.
fn families(scrape: &str) -> (HashSet<&str>, HashSet<&str>) {
    let announced = scrape.lines().filter_map(|line| {
        line.strip_prefix("# TYPE ").map(|rest| rest.split(' ').next().unwrap_or_default())
    });
    let sampled = samples(scrape).map(|line| {
        let name = line.split('{').next().unwrap_or_default();
        ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| {
                name.strip_suffix(suffix)
                    .filter(|name| ALL.iter().any(|family| family.name == *name))
            })
            .unwrap_or(name)
    });
    (announced.collect(), sampled.collect())
}

/// What some systems do not tell: all of it is asked of the kernel.
fn is_optional(family: &str) -> bool {
    let asked = ["process_", "maitred_listen_backlog_"];
    !cfg!(target_os = "linux") && asked.iter().any(|start| family.starts_with(start))
}

#[test]
fn every_series_is_there_before_its_first_event() {
    let served = Served::start(settings(), App::new(|exchange| answer(exchange, b"hello")));
    let scrape = served.telemetry.scrape();
    let (announced, sampled) = families(&scrape);
    assert_eq!(announced, sampled);
    for name in &announced {
        assert!(ALL.iter().any(|family| family.name == *name), "{name} is not declared");
    }
    for family in ALL {
        if !announced.contains(family.name) {
            assert!(is_optional(family.name), "no {}", family.name);
            continue;
        }
        let help = format!("# HELP {} {}\n", family.name, family.help);
        assert!(scrape.contains(&help), "no {help}");
        let kind = format!("# TYPE {} {}\n", family.name, family.kind.name());
        assert!(scrape.contains(&kind), "no {kind}");
    }
    for rejection in Rejection::ALL {
        let series = format!(
            "maitred_protocol_errors_total{{worker=\"0\",reason=\"{}\"}}",
            rejection.name()
        );
        assert_eq!(served.metric(&series), 0.0);
    }
    for series in [
        "maitred_requests_total{worker=\"0\",method=\"GET\",code=\"200\"}",
        "maitred_requests_total{worker=\"0\",method=\"OTHER\",code=\"400\"}",
        "maitred_requests_total{worker=\"0\",method=\"POST\",code=\"503\"}",
        "maitred_request_duration_seconds_count{worker=\"0\",code_class=\"5xx\"}",
        "maitred_connections_rejected_total{worker=\"0\",reason=\"file_descriptors\"}",
        "maitred_client_disconnects_total{worker=\"0\",stage=\"write\"}",
        "maitred_app_exceptions_total{worker=\"0\",stage=\"close\"}",
        "maitred_spool_bytes{worker=\"0\",direction=\"out\",storage=\"disk\"}",
        "maitred_log_dropped_total{worker=\"0\",stream=\"access\"}",
        "maitred_queue_wait_seconds_bucket{worker=\"0\",le=\"+Inf\"}",
    ] {
        assert_eq!(served.metric(series), 0.0, "{series}");
    }
    for line in samples(&scrape) {
        assert!(line.contains("worker=\"0\""), "{line}");
    }
}

#[test]
fn every_family_has_a_name_a_help_and_buckets_as_it_should() {
    let mut names = HashSet::new();
    for family in ALL {
        assert!(names.insert(family.name), "{} stands twice", family.name);
        assert!(family.help.ends_with('.'), "{}: {}", family.name, family.help);
        let is_total = family.name.ends_with("_total");
        assert_eq!(
            is_total,
            matches!(family.kind, Kind::Counter | Kind::Seconds),
            "{}",
            family.name
        );
        if let Kind::Histogram(bounds) = family.kind {
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{}", family.name);
        }
    }
}

#[test]
fn the_documentation_is_what_the_code_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let written = std::fs::read_to_string(path).expect("docs/metrics.md is there");
    assert!(
        written == page(),
        "docs/metrics.md is not current: cargo run -p maitred-server --example metrics-md"
    );
}

/// Four requests on two threads. The clock is put forward by hand, so that every number is known:
///
/// ```text
/// seconds  0    1    2    3  3.5   5    6
/// first    [ a  .    .    ][ c  .  ]
/// second        [ b  .    .   ][ d .    ]
/// waiting            [ c  ]
///                    [ d  .   ]
/// ```
#[test]
fn a_known_schedule_gives_known_numbers() {
    let gates = Arc::new(Gates::default());
    let served =
        standing(settings().with(|settings| settings.limits.threads = 2), gates.application());
    let value = |series: &str| served.metric(&series.replace('}', "worker=\"0\"}"));
    let busy_seconds = || value("maitred_threads_busy_seconds_total{}");
    let saturated_seconds = || value("maitred_threads_saturated_seconds_total{}");
    let pass = |milliseconds| served.clock.advance(Duration::from_millis(milliseconds));
    let queued = |count: f64| served.until("maitred_queue_requests{worker=\"0\"}", count);

    let mut a = asks(&served, "/a");
    gates.of("/a").wait_for(1);
    pass(1000);
    assert_eq!((busy_seconds(), saturated_seconds()), (1.0, 0.0));
    let mut b = asks(&served, "/b");
    gates.of("/b").wait_for(1);
    pass(1000);
    let mut c = asks(&served, "/c");
    queued(1.0);
    let mut d = asks(&served, "/d");
    queued(2.0);
    assert_eq!((busy_seconds(), saturated_seconds()), (3.0, 1.0));
    assert_eq!(value("maitred_threads_busy{}"), 2.0);
    assert_eq!(value("maitred_queue_oldest_seconds{}"), 0.0);
    pass(1000);
    assert_eq!(value("maitred_queue_oldest_seconds{}"), 1.0);
    assert_eq!(value("maitred_requests_in_progress{}"), 4.0);
    gates.of("/a").open();
    assert_eq!(a.answer().status, 200);
    gates.of("/c").wait_for(1);
    pass(500);
    assert_eq!(value("maitred_queue_oldest_seconds{}"), 1.5);
    gates.of("/b").open();
    assert_eq!(b.answer().status, 200);
    gates.of("/d").wait_for(1);
    assert_eq!(value("maitred_queue_oldest_seconds{}"), 0.0);
    pass(1500);
    gates.of("/c").open();
    assert_eq!(c.answer().status, 200);
    served.until("maitred_threads_busy{worker=\"0\"}", 1.0);
    pass(1000);
    gates.of("/d").open();
    assert_eq!(d.answer().status, 200);
    served.until("maitred_threads_busy{worker=\"0\"}", 0.0);
    pass(60_000);

    // a: 0 to 3, b: 1 to 3.5, c: 3 to 5, d: 3.5 to 6; both threads were busy from 1 to 5.
    assert_eq!(busy_seconds(), 3.0 + 2.5 + 2.0 + 2.5);
    assert_eq!(saturated_seconds(), 4.0);
    // a and b waited for nothing, c for 1 second, d for 1.5.
    let waited = |bound: &str| {
        served.metric(&format!("maitred_queue_wait_seconds_bucket{{worker=\"0\",le=\"{bound}\"}}"))
    };
    assert_eq!(
        ["0.001", "0.5", "1", "2.5", "30", "+Inf"].map(waited),
        [2.0, 2.0, 3.0, 4.0, 4.0, 4.0]
    );
    assert_eq!(value("maitred_queue_wait_seconds_sum{}"), 2.5);
    assert_eq!(value("maitred_app_duration_seconds_sum{}"), busy_seconds());
    assert_eq!(value("maitred_app_duration_seconds_count{}"), 4.0);
    // From first byte to last: 3, 2.5, 3 and 4 seconds.
    let duration = "maitred_request_duration_seconds";
    let of = |part: &str| {
        served.metric(&format!("{duration}_{part}{{worker=\"0\",code_class=\"2xx\"}}"))
    };
    assert_eq!((of("sum"), of("count")), (12.5, 4.0));
    let requests = "maitred_requests_total{worker=\"0\",method=\"GET\",code=\"200\"}";
    assert_eq!(served.metric(requests), 4.0);
    assert_eq!(value("maitred_response_body_bytes_total{}"), 20.0);
    assert_eq!(value("maitred_requests_in_progress{}"), 0.0);
}

#[test]
fn whoever_is_turned_away_is_counted_by_cause() {
    let gates = Arc::new(Gates::default());
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.limits.queue = 1;
        settings.limits.connections = 3;
        settings.timeouts.queue = Duration::from_secs(30);
    });
    let served = standing(settings, gates.application());
    let rejected = |reason: &str| {
        served.metric(&format!(
            "maitred_connections_rejected_total{{worker=\"0\",reason=\"{reason}\"}}"
        ))
    };
    let mut busy = asks(&served, "/busy");
    gates.of("/busy").wait_for(1);
    let mut waits = asks(&served, "/waits");
    served.until("maitred_queue_requests{worker=\"0\"}", 1.0);
    let full = asks(&served, "/full").answer();
    assert_eq!(full.status, 503);
    assert!(full.head.contains("Retry-After: 1"), "{}", full.head);
    assert_eq!(rejected("queue_full"), 1.0);
    served.wait_for_connections(2);

    // The third place is taken by a connection that is idle: it makes room for the next.
    let mut idle = served.connect();
    served.wait_for_connections(3);
    let mut reading = served.connect();
    assert!(idle.is_closed());
    reading.send(b"GET / HT");
    served.until("maitred_connections{worker=\"0\",state=\"reading\"}", 1.0);
    assert_eq!(served.metric("maitred_connections_evicted_total{worker=\"0\"}"), 1.0);
    // Nobody is idle now.
    for _ in 0..2 {
        let turned_away = served.connect().answer();
        assert_eq!(turned_away.status, 503);
        assert!(turned_away.head.contains("Retry-After: 1"), "{}", turned_away.head);
    }
    assert_eq!(rejected("limit"), 2.0);
    assert_eq!(served.metric("maitred_connection_limit_reached_total{worker=\"0\"}"), 3.0);

    served.clock.advance(Duration::from_secs(29));
    served.running.tick();
    assert_eq!(rejected("queue_timeout"), 0.0);
    served.clock.advance(Duration::from_secs(1));
    served.running.tick();
    assert_eq!(waits.answer().status, 503);
    assert_eq!(rejected("queue_timeout"), 1.0);
    // The head of the third has not come within 30 seconds either.
    assert_eq!(reading.answer().status, 408);
    let late = "maitred_protocol_errors_total{worker=\"0\",reason=\"head_timeout\"}";
    assert_eq!(served.metric(late), 1.0);

    gates.of("/busy").open();
    assert_eq!(busy.answer().status, 200);
    let code = |method: &str, code: &str| {
        let series = "maitred_requests_total{worker=\"0\"";
        served.metric(&format!("{series},method=\"{method}\",code=\"{code}\"}}"))
    };
    eventually("all records", || {
        (code("GET", "200"), code("GET", "503"), code("OTHER", "408")) == (1.0, 2.0, 1.0)
    });
    let closed = |reason: &str| {
        served.metric(&format!(
            "maitred_connections_closed_total{{worker=\"0\",reason=\"{reason}\"}}"
        ))
    };
    served.until("maitred_connections_closed_total{worker=\"0\",reason=\"evicted\"}", 1.0);
    eventually("those who were turned away to leave", || closed("rejected") == 2.0);
    assert_eq!(rejected("draining"), 0.0);
    assert_eq!(rejected("file_descriptors"), 0.0);
}

#[test]
fn a_listener_that_waits_for_room_says_for_how_long() {
    let settings = settings().with(|settings| {
        settings.limits.connections = 1;
        settings.limits.connection_limit_action = ConnectionLimitAction::Wait;
    });
    let served = standing(settings, App::new(|exchange| answer(exchange, b"hello")));
    let first = served.connect();
    served.until("maitred_accept_paused{worker=\"0\"}", 1.0);
    served.clock.advance(Duration::from_secs(3));
    let paused = "maitred_accept_paused_seconds_total{worker=\"0\"}";
    assert_eq!(served.metric(paused), 3.0);
    drop(first);
    served.until("maitred_accept_paused{worker=\"0\"}", 0.0);
    served.clock.advance(Duration::from_secs(5));
    assert_eq!(served.metric(paused), 3.0);
    assert_eq!(served.metric("maitred_connection_limit_reached_total{worker=\"0\"}"), 1.0);
    assert_eq!(served.get("/").status, 200);
}

#[test]
fn a_counter_never_goes_down_and_outlives_its_server() {
    let served = standing(settings(), App::new(|exchange| answer(exchange, b"hello")));
    let telemetry = served.telemetry.clone();
    assert_eq!(served.get("/").status, 200);
    served.until("maitred_threads_busy{worker=\"0\"}", 0.0);
    let totals = |scrape: &str| -> Vec<(String, f64)> {
        let is_total = |line: &&str| {
            let name = line.split('{').next().unwrap_or_default();
            name.ends_with("_total") || name.ends_with("_count")
        };
        let read = |line: &str| {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            (series.to_owned(), value.parse().expect("a number"))
        };
        samples(scrape).filter(is_total).map(read).collect()
    };
    let before = totals(&telemetry.scrape());
    drop(served);
    let after: HashMap<_, _> = totals(&telemetry.scrape()).into_iter().collect();
    for (series, value) in before {
        assert!(after[&series] >= value, "{series} went down from {value}");
    }
}

#[test]
fn what_is_known_of_the_interpreter_and_of_exceptions_is_told() {
    let telemetry = Telemetry::new(&settings())
        .with_interpreter(Interpreter {
            version: "3.13.1".into(),
            implementation: "CPython".into(),
            gil: "enabled".into(),
        })
        .with_log_dropped(|| 7);
    telemetry.application_raised(Stage::Iterate);
    let scrape = telemetry.scrape();
    let version = env!("CARGO_PKG_VERSION");
    for (series, value) in [
        (
            format!(
                "maitred_build_info{{worker=\"0\",version=\"{version}\",python_version=\"3.13.1\",\
                 python_implementation=\"CPython\",gil=\"enabled\"}}"
            ),
            1.0,
        ),
        ("maitred_app_exceptions_total{worker=\"0\",stage=\"iterate\"}".into(), 1.0),
        ("maitred_log_dropped_total{worker=\"0\",stream=\"server\"}".into(), 7.0),
    ] {
        assert_eq!(support::metric(&scrape, &series), value);
    }
}

#[test]
fn the_wait_in_front_of_a_trusted_proxy_is_measured_and_that_of_others_is_not() {
    for (trusted, count) in [(TrustedProxies::Any, 1.0), (TrustedProxies::None, 0.0)] {
        let settings = settings().with(|settings| settings.proxies.trusted = trusted);
        let served = standing(settings, App::new(|exchange| answer(exchange, b"hello")));
        let now = served.clock.wall().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
        let mut client = served.connect();
        // The second one is of a clock in another time zone.
        for start in [now, now - 3600.0] {
            let head = "GET / HTTP/1.1\r\nHost: t\r\nX-Request-Start: t=";
            client.send(format!("{head}{start:.3}\r\n\r\n").as_bytes());
            assert_eq!(client.answer().status, 200);
        }
        let series = "maitred_upstream_queue_seconds_count{worker=\"0\"}";
        assert_eq!(served.metric(series), count);
    }
}
