//! Tests of limits.

mod support;

#[path = "support/log.rs"]
mod log;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use maitred_config::ConnectionLimitAction;
use maitred_http_parser::exchange::Body;
use support::{App, Client, End, Gate, Opens, Served, answer, settings};

/// Tells how long the body is.
fn measure() -> Arc<App> {
    App::new(|exchange| {
        let length = exchange.body.len().to_string();
        answer(exchange, length.as_bytes());
    })
}

/// Stops at `/stop` until the gate is open.
fn stopping() -> (Arc<App>, Arc<Gate>) {
    let gate = Gate::new();
    let inside = gate.clone();
    let app = App::new(move |exchange| {
        if exchange.head.path() == b"/stop" {
            inside.pass();
        }
        answer(exchange, b"hello");
    });
    (app, gate)
}

/// One request on a connection that stays.
fn served_once(served: &Served) -> Client {
    let mut client = served.connect();
    client.ask("/");
    assert_eq!(client.answer().status, 200);
    client
}

#[test]
fn at_the_connection_limit_the_idlest_makes_room() {
    let served =
        Served::start(settings().with(|settings| settings.limits.connections = 3), measure());
    let [mut first, mut second, mut third] = [(); 3].map(|()| served_once(&served));
    first.ask("/");
    assert_eq!(first.answer().status, 200);
    served.until_idle(3);
    // The second has now been idle for the longest.
    let mut newcomer = served_once(&served);
    assert!(second.is_closed());
    for client in [&mut first, &mut third, &mut newcomer] {
        client.ask("/");
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(served.running.connections(), 3);
}

#[test]
fn who_has_been_served_since_is_not_taken_for_the_idlest() {
    let served =
        Served::start(settings().with(|settings| settings.limits.connections = 3), measure());
    let [mut first, mut second, mut third] = [(); 3].map(|()| served_once(&served));
    served.until_idle(3);
    // All three are looked at, and the first has to go; the others are remembered as idle.
    let mut fourth = served_once(&served);
    assert!(first.is_closed());
    second.ask("/");
    assert_eq!(second.answer().status, 200);
    served.until_idle(3);
    let _fifth = served_once(&served);
    assert!(third.is_closed(), "it was idle for longer than the second");
    for client in [&mut second, &mut fourth] {
        client.ask("/");
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_client_that_sends_nothing_makes_room_before_one_that_was_served() {
    let limits = settings().with(|settings| settings.limits.connections = 2);
    let served = Served::start_patiently(limits, measure());
    let mut idle = served_once(&served);
    served.until_idle(1);
    served.clock.advance(Duration::from_millis(1));
    let mut silent = served.connect();
    served.wait_for_connections(2);
    served.clock.advance(Duration::from_secs(1));
    let mut newcomer = served_once(&served);
    assert!(silent.is_closed(), "it has been idle for less long, and was never served");
    for client in [&mut idle, &mut newcomer] {
        client.ask("/");
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn a_refused_client_that_stays_makes_room_before_an_idle_one() {
    let served =
        Served::start(settings().with(|settings| settings.limits.connections = 2), measure());
    let mut idle = served_once(&served);
    let mut refused = served.connect();
    refused.send(b"mistake\r\n\r\n");
    assert_eq!(refused.answer().status, 400);
    assert!(refused.is_closed(), "for writing");
    let mut newcomer = served_once(&served);
    for client in [&mut idle, &mut newcomer] {
        client.ask("/");
        assert_eq!(client.answer().status, 200);
    }
}

#[test]
fn where_nobody_is_idle_a_newcomer_is_told_to_come_back() {
    let (app, gate) = stopping();
    let _opens = Opens(gate.clone());
    let limits = settings().with(|settings| {
        settings.limits.connections = 2;
        settings.limits.threads = 2;
    });
    let served = Served::start(limits, app);
    let mut busy = [(); 2].map(|()| served.connect());
    for client in &mut busy {
        client.ask("/stop");
    }
    gate.wait_for(2);
    for _ in 0..100 {
        let mut newcomer = served.connect();
        let told = newcomer.answer();
        // What it asks for has not been read: it may be a HEAD.
        assert!(told.head.contains("\nContent-Length: 0\n"), "{}", told.head);
        assert_eq!(told.body, b"");
        assert_eq!(told.status, 503);
        assert!(told.head.contains("\nRetry-After: 1"), "{}", told.head);
        assert!(told.head.contains("\nConnection: close"), "{}", told.head);
        assert!(newcomer.is_closed());
    }
    gate.open();
    for client in &mut busy {
        assert_eq!(client.answer().status, 200);
    }
    served.until_idle(2);
    drop(served_once(&served));
}

#[test]
fn newcomers_wait_for_a_place_where_the_settings_say_so() {
    log::listen();
    let limits = settings().with(|settings| {
        settings.limits.connections = 1;
        settings.limits.connection_limit_action = ConnectionLimitAction::Wait;
    });
    let served = Served::start(limits, measure());
    let mut first = served_once(&served);
    let mut second = served.connect();
    second.ask("/");
    for _ in 0..20 {
        first.ask("/");
        assert_eq!(first.answer().status, 200, "it is not closed to make room");
    }
    second.stream.set_nonblocking(true).expect("it can be asked for");
    let heard = second.stream.peek(&mut [0]).expect_err("nobody has accepted it");
    assert_eq!(heard.kind(), ErrorKind::WouldBlock);
    second.stream.set_nonblocking(false).expect("as before");
    drop(first);
    assert_eq!(second.answer().status, 200);
    let lines = log::lines_with("connection-limit (1)");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("is reached: new connections wait until another"), "{lines:?}");
}

#[test]
fn a_full_queue_is_told_so() {
    let (app, gate) = stopping();
    let _opens = Opens(gate.clone());
    let served = Served::start(
        settings().with(|settings| {
            settings.limits.threads = 1;
            settings.limits.queue = 2;
        }),
        app,
    );
    let mut first = served.connect();
    first.ask("/stop");
    gate.wait_for(1);
    let mut waiting = [(); 2].map(|()| {
        let mut client = served.connect();
        client.ask("/");
        served.settle();
        client
    });
    let told = served.get("/");
    assert_eq!(told.status, 503);
    assert!(told.head.contains("\nRetry-After: "), "{}", told.head);
    gate.open();
    for client in waiting.iter_mut().chain([&mut first]) {
        assert_eq!(client.answer().status, 200);
    }
}

/// What a client is told that goes on sending for 10 MB after what it is refused for.
fn told_while_sending(served: &Served, bytes: &[u8]) -> u16 {
    let mut client = served.connect();
    client.send(bytes);
    let more = vec![b'x'; 1_000_000];
    for _ in 0..10 {
        client.send(&more);
    }
    let status = client.answer().status;
    client.half_close();
    assert_eq!(client.rest(), (Vec::new(), End::Closed));
    status
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let limits = settings().with(|settings| settings.limits.max_request_body_size = 1_000_000);
    let served = Served::start_patiently(limits, measure());
    let declared = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 11000000\r\n\r\n";
    assert_eq!(told_while_sending(&served, declared), 413);
    let chunked = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n989680\r\n";
    assert_eq!(told_while_sending(&served, chunked), 413);
    assert_eq!(told_while_sending(&served, b"GET / HTTP/1.1\r\nHost: t\r\nX: "), 431);
    assert_eq!(told_while_sending(&served, b"GET /"), 414);
    assert_eq!(told_while_sending(&served, b"not HTTP at all\r\n\r\n"), 400);
    served.wait_for_connections(0);
}

#[test]
fn a_body_of_exactly_the_limit_is_allowed() {
    let served = Served::start(
        settings().with(|settings| settings.limits.max_request_body_size = 1000),
        measure(),
    );
    for (length, status) in [(1000, 200), (1001, 413)] {
        let body = "x".repeat(length);
        let mut client = served.connect();
        let head = "POST / HTTP/1.1\r\nHost: t\r\n";
        client.send(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes());
        assert_eq!(client.answer().status, status);
        let mut client = served.connect();
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", length);
        client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}").as_bytes());
        assert_eq!(client.answer().status, status);
    }
}

#[test]
fn many_tiny_chunks_make_one_body() {
    let served = Served::start(
        settings(),
        App::new(|exchange| {
            let Body::Memory(body) = &exchange.body else { panic!("it fits into memory") };
            let body = body.to_vec();
            answer(exchange, &body);
        }),
    );
    let mut client = served.connect();
    client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("1\r\nx\r\n2\r\nyz\r\n".repeat(20_000).as_bytes());
    client.send(b"0\r\nX-Sum: dropped\r\n\r\n");
    let told = client.answer();
    assert_eq!(told.status, 200);
    assert!(told.body == "xyz".repeat(20_000).as_bytes());
}

#[test]
fn a_thousand_requests_ahead_are_answered_though_only_some_are_held() {
    let (app, gate) = stopping();
    let _opens = Opens(gate.clone());
    let served = Served::start(settings(), app);
    let mut client = served.connect();
    client.ask("/stop");
    gate.wait_for(1);
    // More than may be ahead, and than the kernel holds for us.
    let padding = "x".repeat(10_000);
    let request = format!("GET / HTTP/1.1\r\nHost: t\r\nX: {padding}\r\n\r\n");
    let mut sender = client.stream.try_clone().expect("a second handle");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::io::Write::write_all(&mut sender, request.repeat(1000).as_bytes())
                .expect("the server reads in the end");
        });
        served.settle();
        gate.open();
        for _ in 0..1001 {
            assert_eq!(client.answer().body, b"hello");
        }
    });
}
