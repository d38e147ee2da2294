//! Connections that move between worker processes: here, two servers of one process that share a
//! board and inboxes, as two processes do.

#![cfg(unix)]

#[path = "support/siblings.rs"]
mod siblings;
#[path = "support/mod.rs"]
mod support;

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use maitred_config::{AccessLogFormat, AccessLogTarget, Settings};
use maitred_http_parser::exchange::Exchange;
use maitred_server::board::{SeatState, monotonic_ns};
use maitred_server::system::pass_fd::{self, Wait};
use maitred_server::{Clock, Telemetry};

use siblings::Shared;
use support::{App, Client, Gate, Opens, Served, answer, eventually, settings};

/// One thread for each process.
fn one_thread() -> Settings {
    settings().with(|settings| settings.limits.threads = 1)
}

/// An application that says which process answers, and the length of the body. A request for the
/// name of the process waits at its gate.
fn app(name: &'static str, gate: &Arc<Gate>) -> Arc<App> {
    let gate = Arc::clone(gate);
    App::new(move |exchange: Exchange| {
        if exchange.head.path().strip_prefix(b"/") == Some(name.as_bytes()) {
            gate.pass();
        }
        let body = format!("{name} {}", exchange.body.len());
        answer(exchange, body.as_bytes());
    })
}

/// Two processes with one thread each, and their gates.
struct Two {
    shared: Shared,
    gates: [Arc<Gate>; 2],
    a: Served,
    b: Served,
    _opens: [Opens; 2],
}

impl Two {
    fn start(settings: &Settings) -> Self {
        let shared = Shared::new(2);
        let gates = [Gate::new(), Gate::new()];
        let a = shared.start(0, settings, app("a", &gates[0]));
        let b = shared.start(1, settings, app("b", &gates[1]));
        let opens = [Opens(Arc::clone(&gates[0])), Opens(Arc::clone(&gates[1]))];
        let two = Self { shared, gates, a, b, _opens: opens };
        for seat in 0..2 {
            eventually("room", || two.shared.board.seat(seat).unwrap().room() > 0);
        }
        two
    }

    fn hold_a(&self) -> Client {
        hold(&self.a, "/a", &self.gates[0])
    }

    fn hold_b(&self) -> Client {
        hold(&self.b, "/b", &self.gates[1])
    }
}

/// Holds the only thread of a process.
fn hold(process: &Served, path: &str, gate: &Gate) -> Client {
    loop {
        let mut client = process.connect();
        client.ask(path);
        eventually("the gate, or an answer", || gate.is_reached() || client.has_more());
        if gate.is_reached() {
            return client;
        }
        // The process was slow to begin with it, and the other one has answered.
    }
}

fn says(client: &mut Client) -> String {
    String::from_utf8(client.answer().body).unwrap()
}

#[test]
fn requests_on_connections_of_a_busy_process_are_answered_by_another() {
    let two = Two::start(&one_thread());
    let of_a = || loop {
        let mut client = two.a.connect();
        client.ask("/");
        if says(&mut client) == "a 0" {
            return client;
        }
    };
    let mut clients: Vec<_> = (0..20).map(|_| of_a()).collect();
    let mut held = two.hold_a();
    // A process that was slow to begin with a request has moved it before.
    let moved = || {
        let moved = |why| format!("maitred_handoffs_total{{worker=\"0\",why=\"{why}\"}}");
        let moved = ["arrival", "tick", "pull"].map(|why| two.a.metric(&moved(why)));
        (moved.iter().sum::<f64>(), two.b.metric("maitred_handoffs_adopted_total{worker=\"0\"}"))
    };
    eventually("the end of those moves", || moved().0 == moved().1);
    let (moved_before, adopted_before) = moved();
    for client in &mut clients {
        client.ask("/");
    }
    for client in &mut clients {
        assert_eq!(says(client), "b 0");
    }
    eventually("twenty moves", || moved() == (moved_before + 20.0, adopted_before + 20.0));
    two.gates[0].open();
    assert_eq!(says(&mut held), "a 0");
    // Every connection ends in one counted way, all together.
    drop((clients, held));
    let closed = || {
        let closed = "maitred_connections_closed_total{worker=\"0\",reason=\"client\"}";
        two.a.metric(closed) + two.b.metric(closed)
    };
    let accepted: f64 = two.a.telemetry.scrape().lines().filter_map(accepted).sum();
    eventually("the ends of all", || closed() == accepted);
}

/// How many connections a listener has accepted, if a line of a scrape tells that.
fn accepted(line: &str) -> Option<f64> {
    let rest = line.strip_prefix("maitred_connections_accepted_total{")?;
    rest.rsplit(' ').next()?.parse().ok()
}

#[test]
fn new_connections_of_a_busy_process_are_answered_by_another() {
    let two = Two::start(&one_thread());
    let _held = two.hold_a();
    for _ in 0..20 {
        let mut client = two.a.connect();
        client.send(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        assert_eq!(says(&mut client), "b 0");
        assert!(client.is_closed());
    }
}

#[test]
fn a_process_that_becomes_free_takes_the_requests_of_a_busy_one() {
    let two = Two::start(&one_thread());
    let _held = two.hold_a();
    let mut other = two.hold_b();
    let mut clients: Vec<_> = (0..10).map(|_| two.a.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    let waiting = "maitred_queue_requests{worker=\"0\"}";
    eventually("ten requests", || two.a.metric(waiting) + two.b.metric(waiting) == 10.0);
    two.gates[1].open();
    for client in &mut clients {
        assert_eq!(says(client), "b 0");
    }
    assert_eq!(says(&mut other), "b 0");
}

#[test]
fn what_follows_a_request_moves_with_it() {
    let two = Two::start(&one_thread());
    let _held = two.hold_a();
    let mut client = two.a.connect();
    client.send(
        b"POST /1 HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc\
          POST /2 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\
          2\r\nab\r\n2;x=y\r\ncd\r\n0\r\nX: t\r\n\r\nGET /3 HT",
    );
    assert_eq!(says(&mut client), "b 3");
    assert_eq!(says(&mut client), "b 4");
    client.send(b"TP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(says(&mut client), "b 0");
}

#[test]
fn a_request_that_is_too_large_to_move_waits_and_is_counted() {
    let two = Two::start(&one_thread());
    let _held = two.hold_a();
    let mut client = two.a.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 40000\r\n\r\n");
    client.send(&[b'x'; 40_000]);
    two.a.until("maitred_unmovable_waits_total{worker=\"0\"}", 1.0);
    two.gates[0].open();
    assert_eq!(says(&mut client), "a 40000");
    assert_eq!(two.a.metric("maitred_unmovable_waits_total{worker=\"0\"}"), 1.0);
}

#[test]
fn a_request_stays_if_the_inbox_of_the_other_process_is_full() {
    let shared = Shared::new(2);
    while shared.inboxes[1].1.send_with_flags(&[0; 4000], 0x40 | 0x4000).is_ok() {}
    let gate = Gate::new();
    let a = shared.start(0, &one_thread(), app("a", &gate));
    let _opens = Opens(Arc::clone(&gate));
    let mut held = hold(&a, "/a", &gate);
    shared.pretend(1);
    let mut client = a.connect();
    client.ask("/");
    let full = "maitred_handoffs_refused_total{worker=\"0\",why=\"full\"}";
    eventually("a refusal", || a.metric(full) > 0.0);
    gate.open();
    assert_eq!(says(&mut client), "a 0");
    let seat = shared.board.seat(0).unwrap();
    assert_eq!((seat.open(), seat.open_and_staying()), (2, 2));
    assert_eq!(says(&mut held), "a 0");
    assert_eq!(a.metric("maitred_handoffs_total{worker=\"0\",why=\"arrival\"}"), 0.0);
}

/// A connection has been sent to a process that does not read its inbox yet; `meanwhile` the client
/// does something; then the process starts.
fn in_transit(meanwhile: impl FnOnce(&mut Client)) -> (Client, Served, Served, Opens) {
    let shared = Shared::new(2);
    let gate = Gate::new();
    let a = shared.start(0, &one_thread(), app("a", &gate));
    let opens = Opens(Arc::clone(&gate));
    let _held = hold(&a, "/a", &gate);
    shared.pretend(1);
    let mut client = a.connect();
    client.ask("/");
    eventually("the hand-off", || shared.board.seat(1).unwrap().sent() == 1);
    meanwhile(&mut client);
    let b = shared.start(1, &one_thread(), app("b", &gate));
    (client, a, b, opens)
}

#[test]
fn a_connection_of_a_listener_that_does_not_exist_is_closed_and_the_next_one_is_served() {
    const LISTENER: std::ops::Range<usize> = 20..22; // behind kind, seat, generations and hops
    let shared = Shared::new(2);
    let gate = Gate::new();
    let a = shared.start(0, &one_thread(), app("a", &gate));
    let _opens = Opens(Arc::clone(&gate));
    let _held = hold(&a, "/a", &gate);
    shared.pretend(1);
    let mut clients = [a.connect(), a.connect()];
    let (read, write) = &shared.inboxes[1];
    let mut messages = clients.iter_mut().zip([1u16, 0]).map(|(client, listener)| {
        shared.pretend(1);
        client.ask("/");
        let mut message = [0; 4096];
        let received = pass_fd::receive(read.as_fd(), &mut message, Wait::AsSocket).unwrap();
        assert_eq!(message[LISTENER], 0u16.to_le_bytes());
        message[LISTENER].copy_from_slice(&listener.to_le_bytes());
        (message[..received.length].to_vec(), received.descriptors)
    });
    let messages: Vec<_> = messages.by_ref().collect();
    for (message, descriptors) in messages {
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        pass_fd::send(write.as_fd(), &message, &descriptors, Wait::AsSocket).unwrap();
    }
    let b = shared.start(1, &one_thread(), app("b", &gate));
    let [mut wild, mut right] = clients;
    assert_eq!(says(&mut right), "b 0");
    assert!(wild.is_closed());
    let closed = r#"maitred_connections_closed_total{worker="0",reason="error"}"#;
    b.until(closed, 1.0);
}

#[test]
fn a_connection_that_was_sent_does_not_end_with_the_process_that_sent_it() {
    const CLIENTS: usize = 20;
    let shared = Shared::new(2);
    let gate = Gate::new();
    let a = shared.start(0, &one_thread(), app("a", &gate));
    let _opens = Opens(Arc::clone(&gate));
    let _held = hold(&a, "/a", &gate);
    let seat = shared.board.seat(0).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| a.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    eventually("the requests", || seat.waiting() == CLIENTS as u64);
    // The supervisor reads this if the process dies: at no moment may it include one that has arrived.
    let place = shared.membership(1).place;
    place.seat().set_io_beat(u64::MAX);
    place.seat().set_room(CLIENTS as u64);
    place.seat().set_state(SeatState::Ready);
    shared.board.room().set(1);
    for arrived in 1..=CLIENTS {
        let mut message = [0; 4096];
        let length = std::io::Read::read(&mut &shared.inboxes[1].0, &mut message).unwrap();
        assert!(length > 0);
        place.seat().add_adopted();
        let staying = seat.open_and_staying();
        assert!(staying <= (1 + CLIENTS - arrived) as u64, "{staying} after {arrived}");
    }
    eventually("the end of all tasks", || seat.open() == 1);
    eventually("that the last one is kept", || seat.open_and_staying() == 1);
}

#[test]
fn input_that_arrives_during_the_move_is_read_after_what_has_moved() {
    let (mut client, _a, _b, _opens) = in_transit(|client| {
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab");
    });
    assert_eq!(says(&mut client), "b 0");
    assert_eq!(says(&mut client), "b 2");
}

#[test]
fn a_client_that_half_closes_during_the_move_has_its_response() {
    let (mut client, _a, _b, _opens) = in_transit(Client::half_close);
    assert_eq!(says(&mut client), "b 0");
    assert!(client.is_closed());
}

#[test]
fn a_client_that_leaves_during_the_move_is_counted_where_it_went() {
    let (client, a, b, _opens) = in_transit(|_| {});
    drop(client);
    // Its end may be read before the response is given, or after it.
    let closed = |served: &Served| {
        let of = |why| format!("maitred_connections_closed_total{{worker=\"0\",reason=\"{why}\"}}");
        ["client", "finished"].map(|why| served.metric(&of(why))).iter().sum::<f64>()
    };
    eventually("the end", || closed(&b) == 1.0);
    assert_eq!(closed(&a), 0.0);
}

#[test]
fn a_body_that_arrives_behind_a_request_that_moves_is_read_on_although_that_is_answered_at_once() {
    let gate = Gate::new();
    let two = OfOneClock::start(&one_thread(), &gate);
    let _opens = Opens(Arc::clone(&gate));
    let held = hold(&two.a, "/a", &gate);
    // The thread that answers is sometimes faster than the one that reads on.
    let mut clients: Vec<_> = (0..60).map(|_| two.a.connect()).collect();
    for client in &mut clients {
        client.ask("/");
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 8\r\n\r\nhalf");
    }
    eventually("the requests", || two.a.running.waiting() == clients.len());
    two.a.settle();
    two.move_all(clients.len() as u64);
    for client in &mut clients {
        assert_eq!(says(client), "b 0");
        client.send(b"more");
        assert_eq!(says(client), "b 8");
    }
    drop(held);
}

/// Two processes whose clock the test advances; the second one takes nothing yet.
struct OfOneClock {
    clock: Arc<Clock>,
    shared: Shared,
    a: Served,
    b: Served,
}

impl OfOneClock {
    fn start(settings: &Settings, gate: &Arc<Gate>) -> Self {
        let (clock, shared) = (Arc::new(Clock::new()), Shared::new(2));
        let start = |seat, name| {
            let telemetry = Telemetry::new(settings).with_clock(Arc::clone(&clock));
            shared.start_apart(seat, settings, app(name, gate), Arc::new(telemetry))
        };
        let (a, b) = (start(0, "a"), start(1, "b"));
        Self { clock, shared, a, b }
    }

    /// The first process retires. Returns when the second one has so many of its connections.
    fn move_all(&self, count: u64) {
        self.shared.set_state(0, SeatState::Retiring);
        self.shared.set_state(1, SeatState::Ready);
        self.a.running.retire();
        let adopted = || self.shared.board.seat(1).unwrap().adopted();
        eventually("the moves", || adopted() == count);
    }
}

#[test]
fn a_timeout_counts_from_what_it_would_if_the_connection_had_not_moved() {
    let limit = Duration::from_secs(1000);
    let settings = one_thread().with(|settings| {
        (settings.timeouts.header, settings.timeouts.keep_alive) = (limit, limit);
    });
    let two = OfOneClock::start(&settings, &Gate::new());
    let [mut silent, mut within_a_head, mut idle] = [(); 3].map(|()| two.a.connect());
    within_a_head.send(b"GET / HT");
    idle.ask("/");
    assert_eq!(says(&mut idle), "a 0");
    two.a.settle();
    two.clock.advance(limit * 9 / 10);
    two.move_all(3);
    // What passes beside that is far less than these steps.
    two.clock.advance(limit / 20);
    two.b.running.tick();
    two.b.settle();
    assert!(![&silent, &within_a_head, &idle].into_iter().any(Client::has_more));
    two.clock.advance(limit / 10);
    two.b.running.tick();
    assert_eq!(within_a_head.answer().status, 408);
    assert!(silent.is_closed() && idle.is_closed());
}

#[test]
fn the_times_of_a_request_that_moves_count_from_its_first_byte() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let step = Duration::from_secs(1000);
    let settings = one_thread().with(|settings| {
        (settings.timeouts.header, settings.timeouts.queue) = (step * 10, step * 10);
        settings.observability.access_log = Some(AccessLogTarget::File(log.clone()));
        let format = AccessLogFormat::parse("%(U)s %(T)s %(queue)s").unwrap();
        settings.observability.access_log_format = format;
    });
    let gate = Gate::new();
    let two = OfOneClock::start(&settings, &gate);
    let _opens = Opens(Arc::clone(&gate));
    let mut held = hold(&two.a, "/a", &gate);
    let mut client = two.a.connect();
    client.send(b"GET /moves HT");
    two.a.settle();
    two.clock.advance(step);
    client.send(b"TP/1.1\r\nHost: t\r\n\r\n");
    eventually("the request", || two.a.running.waiting() == 1);
    two.clock.advance(step * 2);
    two.move_all(1);
    assert_eq!(says(&mut client), "b 0");
    gate.open();
    assert_eq!(says(&mut held), "a 0");
    drop((client, held, two));
    let log = std::fs::read_to_string(&log).unwrap();
    let line = log.lines().find_map(|line| line.strip_prefix("/moves ")).unwrap();
    let steps = line.split(' ').map(|seconds| {
        let seconds: f64 = seconds.parse().unwrap();
        (seconds / step.as_secs_f64()).round() as u64
    });
    assert_eq!(steps.collect::<Vec<_>>(), [3, 2], "{line}");
}

#[test]
fn connection_limit_counts_the_connections_of_all_processes() {
    let two = Two::start(&one_thread().with(|settings| settings.limits.connections = 4));
    let clients: Vec<_> = [&two.a, &two.a, &two.b, &two.b].into_iter().map(within_a_head).collect();
    for served in [&two.a, &two.b] {
        served.until("maitred_connections{worker=\"0\",state=\"reading\"}", 2.0);
    }
    assert_eq!(two.a.connect().answer().status, 503);
    drop(clients);
}

/// Within a head they are not idle, so that none is closed to make room.
fn within_a_head(served: &Served) -> Client {
    let mut client = served.connect();
    client.send(b"GET / HT");
    client
}

#[test]
fn connections_that_wait_in_the_inbox_of_a_process_count_before_it_has_read_them() {
    let shared = Shared::new(2);
    let settings = one_thread().with(|settings| settings.limits.connections = 4);
    let gate = Gate::new();
    let a = shared.start(0, &settings, app("a", &gate));
    let seat = shared.board.seat(0).unwrap();
    (0..3).for_each(|_| seat.add_sent(monotonic_ns()));
    let _last = within_a_head(&a);
    a.until("maitred_connections{worker=\"0\",state=\"reading\"}", 1.0);
    assert_eq!(a.connect().answer().status, 503);
}
