//! Tests of the admin listener, also while everything else is stuck.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use maitred_config::{Endpoint, HostName, Port, Settings};
use maitred_http_parser::exchange::{Application, Exchanges, StackUnavailable, StartError, Worker};
use maitred_server::telemetry::overview::Overview;
use maitred_server::{Admin, AdminThread, ListenAddress, Report, ServerTotals, Telemetry};
use support::{App, Client, Gate, Opens, Served, answer, eventually, settings};

/// Settings with an admin listener on a free port.
fn with_admin(settings: Settings) -> Settings {
    settings.with(|settings| {
        settings.network.admin_listen =
            Some(Endpoint::Tcp { host: HostName::Name("127.0.0.1".into()), port: Port::Number(0) })
    })
}

/// An admin listener that answers for `telemetry`, and how to reach it.
struct Desk {
    _thread: AdminThread,
    address: std::net::SocketAddr,
}

impl Desk {
    fn open(report: Arc<dyn Report>) -> Self {
        let admin = Admin::bind(&with_admin(settings())).expect("a free port").expect("it is set");
        let Some(&ListenAddress::Tcp(address)) = admin.addresses().next() else {
            panic!("not a TCP address")
        };
        Self { _thread: admin.start(report).expect("a thread can be started"), address }
    }

    fn ask(&self, method: &str, target: &str) -> support::Answer {
        self.ask_as("localhost", method, target)
    }

    fn ask_as(&self, host: &str, method: &str, target: &str) -> support::Answer {
        let mut client = Client::connect(self.address);
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        if method == "HEAD" { client.head() } else { client.answer() }
    }

    fn get(&self, target: &str) -> (u16, String) {
        let answer = self.ask("GET", target);
        (answer.status, String::from_utf8(answer.body).expect("text"))
    }
}

fn hello() -> Arc<App> {
    App::new(|exchange| answer(exchange, b"hello"))
}

/// An application whose stacks come when the gate is open.
struct SlowStacks(Arc<App>, Arc<Gate>);

struct SlowThread(Box<dyn Worker>, Arc<Gate>);

impl Application for SlowStacks {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let thread = self.0.start_worker(name, exchanges)?;
        Ok(Box::new(SlowThread(thread, self.1.clone())))
    }
}

impl Worker for SlowThread {
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    fn stack(&self, patience: Duration) -> Result<String, StackUnavailable> {
        self.1.pass();
        self.0.stack(patience)
    }
}

#[test]
fn probes_follow_the_life_of_the_server() {
    let telemetry = Arc::new(Telemetry::new(&settings()));
    let desk = Desk::open(telemetry.clone());
    assert_eq!(desk.get("/livez"), (200, "ok\n".into()));
    assert_eq!(desk.get("/startupz"), (503, "starting\n".into()));
    assert_eq!(desk.get("/readyz"), (503, "starting\n".into()));

    let served = Served::start_reporting(settings(), hello(), telemetry);
    for path in ["/livez", "/startupz", "/readyz", "/healthz", "/health", "/ready"] {
        assert_eq!(desk.get(path), (200, "ok\n".into()), "{path}");
    }

    served.running.drain();
    served.running.wait();
    assert_eq!(desk.get("/livez"), (200, "ok\n".into()));
    assert_eq!(desk.get("/startupz"), (200, "ok\n".into()));
    assert_eq!(desk.get("/readyz"), (503, "stopped\n".into()));
}

#[test]
fn only_its_own_paths_and_methods_are_answered() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    assert_eq!(desk.get("/nothing").0, 404);
    assert_eq!(desk.get("/livez/").0, 404);
    assert_eq!(desk.get("/livez?verbose").0, 200);
    assert_eq!(desk.ask("POST", "/nothing").status, 404);
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = desk.ask(method, "/livez");
        assert_eq!(answer.status, 405);
        assert!(answer.head.contains("\nAllow: GET, HEAD"), "{}", answer.head);
    }
}

#[test]
fn a_loopback_address_answers_421_to_a_name_that_a_web_page_may_own() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    for target in ["/metrics", "/statusz?stacks=1", "/livez", "/nothing"] {
        let foreign = desk.ask_as("rebound.example:9090", "GET", target);
        assert_eq!(foreign.status, 421, "{target}");
        let text = String::from_utf8(foreign.body).expect("text");
        assert!(text.contains("localhost") && text.contains("admin-listen"), "{text}");
    }
    let absolute = desk.ask_as("localhost", "GET", "http://rebound.example/metrics");
    assert_eq!(absolute.status, 421, "the target names the host");
    for host in ["127.0.0.1", "localhost:9090", "[::1]:9090"] {
        assert_eq!(desk.ask_as(host, "GET", "/metrics").status, 200, "{host}");
    }
}

#[test]
fn a_head_request_gets_the_same_head_and_no_body() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let (get, head) = (desk.ask("GET", "/livez"), desk.ask("HEAD", "/livez"));
    assert_eq!(get.status, head.status);
    assert!(head.head.contains("Content-Length: 3"), "{}", head.head);
    assert!(head.body.is_empty());
}

#[test]
fn a_malformed_request_is_refused_and_the_next_is_answered() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let mut client = Client::connect(desk.address);
    client.send(b"GET /livez HTTP/1.1\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    assert!(client.is_closed());
    assert_eq!(desk.get("/livez").0, 200);
}

#[test]
fn a_connection_is_kept_and_pipelined_requests_are_answered_in_order() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let mut client = Client::connect(desk.address);
    for _ in 0..3 {
        client
            .send(b"GET /livez HTTP/1.1\r\nHost: [::1]\r\n\r\nGET /readyz HTTP/1.1\r\nHost: [::1]\r\n\r\n");
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.answer().status, 503);
    }
}

/// Metrics that are long, and counted when they are asked for.
#[derive(Debug)]
struct LongScrapes(Telemetry, AtomicUsize);

const SCRAPE_BYTES: usize = 128 * 1024;

impl Report for LongScrapes {
    fn scrape(&self) -> String {
        self.1.fetch_add(1, Ordering::SeqCst);
        "#".repeat(SCRAPE_BYTES)
    }

    fn liveness(&self) -> Result<(), &'static str> {
        self.0.liveness()
    }

    fn has_started(&self) -> bool {
        self.0.has_started()
    }

    fn readiness(&self) -> Result<(), &'static str> {
        self.0.readiness()
    }

    fn status(&self, stacks: Option<Duration>) -> serde_json::Value {
        Report::status(&self.0, stacks)
    }

    fn overview(&self, stacks: Option<Duration>) -> Overview {
        Report::overview(&self.0, stacks)
    }

    fn totals(&self) -> ServerTotals {
        Report::totals(&self.0)
    }
}

#[test]
fn a_client_that_pipelines_and_does_not_read_is_answered_no_more_than_its_socket_takes() {
    const REQUESTS: usize = 700;
    let scrapes = LongScrapes(Telemetry::new(&settings()), AtomicUsize::new(0));
    let scrapes = Arc::new(scrapes);
    let desk = Desk::open(scrapes.clone());
    let mut client = Client::connect(desk.address);
    client.send(&b"GET /metrics HTTP/1.1\r\nHost: [::1]\r\n\r\n".repeat(REQUESTS));
    eventually("an answer", || scrapes.1.load(Ordering::SeqCst) > 0);
    // Others have their turn, and by then nothing but the client's reading lets it go on.
    assert_eq!(desk.get("/livez").0, 200);
    assert!(scrapes.1.load(Ordering::SeqCst) < REQUESTS);
    for _ in 0..REQUESTS {
        assert_eq!(client.answer().body.len(), SCRAPE_BYTES);
    }
}

#[test]
fn a_probe_is_answered_however_many_connections_say_nothing() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let silent: Vec<_> = (0..200).map(|_| Client::connect(desk.address)).collect();
    assert_eq!(desk.get("/livez").0, 200);
    drop(silent);
}

#[test]
fn the_oldest_connection_is_closed_for_the_newest_whatever_it_does() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let mut oldest = Client::connect(desk.address);
    oldest.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /li");
    assert_eq!(oldest.answer().status, 200);
    let mut others: Vec<_> = (0..39).map(|_| Client::connect(desk.address)).collect();
    others.iter_mut().for_each(|client| client.ask("/livez"));
    others.iter_mut().for_each(|client| assert_eq!(client.answer().status, 200));
    assert_eq!(desk.get("/livez").0, 200);
    assert!(oldest.is_closed());
    let last = others.last_mut().expect("there are some");
    last.ask("/livez");
    assert_eq!(last.answer().status, 200);
}

#[test]
fn probes_are_answered_while_the_stack_of_a_busy_thread_is_waited_for() {
    let telemetry = Arc::new(Telemetry::new(&settings()));
    let desk = Desk::open(telemetry.clone());
    let (asked, busy) = (Gate::new(), Gate::new());
    let inside = busy.clone();
    let app = App::new(move |exchange| {
        inside.pass();
        answer(exchange, b"hello");
    });
    let application = Arc::new(SlowStacks(app, asked.clone()));
    let served = Served::start_reporting(settings(), application, telemetry);
    let _opens = (Opens(asked.clone()), Opens(busy.clone()));
    let mut client = served.connect();
    client.ask("/");
    busy.wait_for(1);
    let mut curious = Client::connect(desk.address);
    curious.ask("/statusz?stacks=1");
    asked.wait_for(1);
    assert_eq!(desk.get("/livez").0, 200);
    asked.open();
    assert_eq!(curious.answer().status, 200);
}

#[test]
fn metrics_are_told_in_the_text_format_with_its_version() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let answer = desk.ask("GET", "/metrics");
    assert!(
        answer.head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        answer.head
    );
    let text = String::from_utf8(answer.body).expect("text");
    assert!(text.contains("maitred_ready{worker=\"0\"} 0\n"), "{text}");
}

#[test]
fn everything_is_answered_while_threads_are_stuck_the_queue_is_full_and_connections_are_at_the_limit()
 {
    let telemetry = Arc::new(Telemetry::new(&settings()));
    let desk = Desk::open(telemetry.clone());
    let gate = Arc::new(Gate::default());
    let inside = gate.clone();
    let application = App::new(move |exchange| {
        inside.pass();
        answer(exchange, b"at last");
    });
    let settings = with_admin(settings()).with(|settings| {
        settings.limits.threads = 1;
        settings.limits.queue = 1;
        settings.limits.connections = 4;
    });
    let served = Served::start_reporting(settings, application, telemetry);
    let _opens = Opens(gate.clone());
    let mut busy = served.connect();
    busy.send(b"GET /stuck HTTP/1.1\r\nHost: t\r\n\r\n");
    gate.wait_for(1);
    let mut waiting = served.connect();
    waiting.send(b"GET /waiting HTTP/1.1\r\nHost: t\r\n\r\n");
    served.until("maitred_queue_requests{worker=\"0\"}", 1.0);
    let mut refused = served.connect();
    refused.send(b"GET /refused HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(refused.answer().status, 503);
    // None of these is idle, and so none makes room.
    let mut reading: Vec<_> = (0..2).map(|_| served.connect()).collect();
    for client in &mut reading {
        client.send(b"GET / HT");
    }
    served.until("maitred_connections{worker=\"0\",state=\"reading\"}", 2.0);
    assert_eq!(served.connect().answer().status, 503);

    assert_eq!(desk.get("/livez").0, 200);
    assert_eq!(desk.get("/readyz").0, 200);
    let metrics = desk.get("/metrics").1;
    for line in [
        "maitred_threads_busy{worker=\"0\"} 1",
        "maitred_queue_requests{worker=\"0\"} 1",
        "maitred_connections_rejected_total{worker=\"0\",reason=\"queue_full\"} 1",
        "maitred_connections_rejected_total{worker=\"0\",reason=\"limit\"} 1",
        "maitred_connection_limit_reached_total{worker=\"0\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line} in\n{metrics}");
    }
    let (status, text) = desk.get("/statusz?stacks=1");
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(status, 200);
    assert_eq!(told["threads"][0]["request"]["path"], "/stuck");
    assert_eq!(told["threads"][0]["name"], "maitred-0");
    assert_eq!(told["threads"][0]["stack"], "the stack of maitred-0\n");
    assert_eq!(told["queue"]["requests"], 1);
    assert_eq!(told["connections"]["reading"], 2);
    gate.open();
    assert_eq!(busy.answer().body, b"at last");
}
