//! Tests of the live page and of its events, over sockets.

mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::sync::Arc;

use maitred_config::{Endpoint, HostName, Port};
use maitred_server::{Admin, AdminThread, ListenAddress, Telemetry};
use support::{Answer, App, Client, Gate, Opens, Served, answer, settings};

/// The most streams of events.
const STREAMS: usize = 8;

/// An admin listener, and how to reach it.
struct Desk {
    _thread: AdminThread,
    address: SocketAddr,
}

impl Desk {
    fn open(telemetry: Arc<Telemetry>) -> Self {
        let host = HostName::Name("127.0.0.1".into());
        let settings = settings().with(|settings| {
            settings.network.admin_listen = Some(Endpoint::Tcp { host, port: Port::Number(0) });
        });
        let admin = Admin::bind(&settings).expect("a free port").expect("it is set");
        let Some(&ListenAddress::Tcp(address)) = admin.addresses().next() else {
            panic!("not a TCP address")
        };
        Self { _thread: admin.start(telemetry).expect("a thread can be started"), address }
    }

    fn get(&self, target: &str) -> Answer {
        let mut client = Client::connect(self.address);
        client.ask(target);
        client.answer()
    }

    /// A stream whose first events have arrived.
    fn stream(&self) -> Client {
        let mut client = Client::connect(self.address);
        client.ask("/events");
        let head = client.head();
        assert_eq!(head.status, 200, "{}", head.head);
        assert!(head.head.contains("Content-Type: text/event-stream"), "{}", head.head);
        client
    }
}

fn text(answer: Answer) -> String {
    String::from_utf8(answer.body).expect("text")
}

#[test]
fn the_page_is_complete_without_a_script_and_says_what_may_run_in_it() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let page = desk.get("/");
    assert_eq!(page.status, 200);
    for field in [
        "Content-Type: text/html; charset=utf-8",
        "Content-Security-Policy: default-src 'none'; ",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
    ] {
        assert!(page.head.contains(field), "no {field} in {}", page.head);
    }
    assert!(!page.head.contains("unsafe"), "{}", page.head);
    let page = text(page);
    for part in ["<h1", "Worker 0", "The last ten minutes", "http-equiv=\"refresh\""] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!text(desk.get("/?stacks=1")).contains("http-equiv=\"refresh\""));
}

#[test]
fn the_path_of_a_running_request_is_shown_without_its_query_and_as_text() {
    let telemetry = Arc::new(Telemetry::new(&settings()));
    let desk = Desk::open(telemetry.clone());
    let gate = Gate::new();
    let inside = gate.clone();
    let application = App::new(move |exchange| {
        inside.pass();
        answer(exchange, b"at last");
    });
    let served = Served::start_reporting(settings(), application, telemetry);
    let _opens = Opens(gate.clone());
    let mut client = served.connect();
    client.ask("/orders/'x'?token=secret");
    gate.wait_for(1);
    let page = text(desk.get("/?stacks=1"));
    assert!(page.contains("GET /orders/&#39;x&#39;</code>"), "{page}");
    assert!(page.contains("the stack of maitred-"), "{page}");
    let overview = text(desk.get("/overview"));
    let told: serde_json::Value = serde_json::from_str(&overview).expect("JSON");
    assert_eq!(told["overview"]["workers"][0]["running"][0]["path"], "/orders/'x'");
    for shown in [page, overview] {
        assert!(!shown.contains("secret"), "{shown}");
    }
    gate.open();
    assert_eq!(client.answer().status, 200);
}

#[test]
fn a_stream_tells_every_section_and_then_what_changes() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let mut client = Client::connect(desk.address);
    // Without chunks, so that it can be read as it comes.
    client.send(b"GET /events HTTP/1.0\r\n\r\n");
    let mut lines = BufReader::new(&client.stream).lines().map(|line| line.expect("text"));
    assert!(lines.next().is_some_and(|line| line.contains(" 200 ")));
    let wanted = ["state", "plots", "threads", "connections", "failures", "state"];
    for section in wanted {
        let event = format!("event: {section}");
        assert!(lines.any(|line| line == event), "no {event}");
    }
}

#[test]
fn a_ninth_stream_is_refused_until_one_of_the_others_has_ended() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let mut streams: Vec<_> = (0..STREAMS).map(|_| desk.stream()).collect();
    let refused = desk.get("/events");
    assert_eq!(
        (refused.status, refused.body.as_slice()),
        (503, &b"there are 8 streams of events already\n"[..])
    );
    streams.pop();
    support::eventually("a place for another stream", || {
        let mut client = Client::connect(desk.address);
        client.ask("/events");
        client.head().status == 200
    });
}

#[test]
fn streams_take_no_connection_from_probes() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    let mut scraper = Client::connect(desk.address);
    scraper.ask("/metrics");
    assert_eq!(scraper.answer().status, 200);
    let _streams: Vec<_> = (0..STREAMS).map(|_| desk.stream()).collect();
    let mut others: Vec<_> = (0..30).map(|_| Client::connect(desk.address)).collect();
    others.iter_mut().for_each(|client| client.ask("/livez"));
    others.iter_mut().for_each(|client| assert_eq!(client.answer().status, 200));
    scraper.ask("/metrics");
    assert_eq!(scraper.answer().status, 200);
}

#[test]
fn a_head_request_for_events_is_no_stream() {
    let desk = Desk::open(Arc::new(Telemetry::new(&settings())));
    for _ in 0..2 * STREAMS {
        let mut client = Client::connect(desk.address);
        client.send(b"HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(client.head().status, 200);
    }
}
