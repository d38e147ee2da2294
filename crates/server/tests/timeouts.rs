//! Tests of slow clients: each is disconnected at its timeout, and holds no thread meanwhile.

mod support;

use std::sync::Arc;
use std::time::Duration;

use maitred_config::{Settings, Sources, Value, load};
use support::{App, Client, End, Served, answer, settings};

fn hello() -> Arc<App> {
    App::new(|exchange| answer(exchange, b"hello"))
}

/// Every timeout differs, so that no one can be taken for another.
fn timeouts() -> Settings {
    settings().with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.header = Duration::from_secs(10);
        settings.timeouts.body = Duration::from_secs(20);
        settings.timeouts.keep_alive = Duration::from_secs(40);
    })
}

/// What a client gets that has sent `bytes` and waits, when the clock goes forward in steps of
/// `step` seconds.
fn fate(served: &Served, bytes: &[u8], step: u64) -> Option<u16> {
    let mut client = served.connect();
    client.send(bytes);
    served.settle();
    served.advance_until_heard(&mut client, Duration::from_secs(step));
    status(&mut client)
}

fn status(client: &mut Client) -> Option<u16> {
    let (rest, end) = client.rest();
    assert_eq!(end, End::Closed);
    let text = String::from_utf8(rest).expect("text");
    assert!(text.is_empty() || text.contains("Connection: close"), "{text}");
    (!text.is_empty()).then(|| text[9..12].parse().expect("a status"))
}

#[test]
fn a_client_that_never_sends_is_closed_on_in_silence() {
    let served = Served::start_patiently(timeouts(), hello());
    assert_eq!(fate(&served, b"", 41), None);
    served.wait_for_connections(0);
}

#[test]
fn a_head_that_does_not_end_is_answered_408() {
    let served = Served::start_patiently(timeouts(), hello());
    assert_eq!(fate(&served, b"GET / HTTP/1.1\r\nHo", 11), Some(408));
}

#[test]
fn a_body_that_does_not_end_is_answered_408() {
    let served = Served::start_patiently(timeouts(), hello());
    let head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf";
    assert_eq!(fate(&served, head, 21), Some(408));
    let head = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    assert_eq!(fate(&served, head, 21), Some(408));
}

#[test]
fn a_connection_that_was_served_is_closed_on_in_silence() {
    let served = Served::start_patiently(timeouts(), hello());
    let mut client = served.connect();
    client.ask("/");
    assert_eq!(client.answer().status, 200);
    served.until_idle(1);
    served.advance_until_heard(&mut client, Duration::from_secs(41));
    assert_eq!(status(&mut client), None);
}

#[test]
fn a_head_that_drips_is_cut_off_though_it_never_stops() {
    let served = Served::start_patiently(timeouts(), hello());
    let mut client = served.connect();
    for byte in b"GET /a/rather/long/path/for/a/test HTTP/1.1\r\n".iter().take(40) {
        client.send(&[*byte]);
        served.settle();
        served.clock.advance(Duration::from_millis(300));
    }
    assert_eq!(status(&mut client), Some(408));
}

#[test]
fn channel_timeout_caps_every_other() {
    let keywords = vec![("channel_timeout".to_owned(), Value::Int(5))];
    let capped = load(Sources { keywords, ..Sources::default() }).expect("right ones").settings;
    let listen = timeouts().network.listen;
    let served = Served::start_patiently(
        capped.with(|settings| {
            settings.network.listen = listen;
            settings.limits.threads = 1;
        }),
        hello(),
    );
    assert_eq!(fate(&served, b"", 6), None);
    assert_eq!(fate(&served, b"GET / HT", 6), Some(408));
    let head = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf";
    assert_eq!(fate(&served, head, 6), Some(408));
}

#[test]
fn those_who_take_their_time_hold_no_thread() {
    let served = Served::start_patiently(timeouts(), hello());
    let slow: Vec<_> = (0..30)
        .map(|number| {
            let mut client = served.connect();
            client.send(match number % 3 {
                0 => b"".as_slice(),
                1 => b"GET / HTTP/1.1\r\nHost: t",
                _ => b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf",
            });
            client
        })
        .collect();
    served.wait_for_connections(30);
    for _ in 0..10 {
        assert_eq!(served.get("/").body, b"hello");
    }
    drop(slow);
    served.wait_for_connections(0);
}

#[test]
fn a_request_that_waits_too_long_for_a_thread_is_told_so() {
    let gate = support::Gate::new();
    let _opens = support::Opens(gate.clone());
    let inside = gate.clone();
    let app = App::new(move |exchange| {
        inside.pass();
        answer(exchange, b"hello");
    });
    let served = Served::start_patiently(
        timeouts().with(|settings| settings.timeouts.queue = Duration::from_secs(10)),
        app,
    );
    let mut first = served.connect();
    first.ask("/first");
    gate.wait_for(1);
    let mut second = served.connect();
    second.ask("/second");
    served.settle();
    served.advance_until_heard(&mut second, Duration::from_secs(11));
    let told = second.answer();
    assert_eq!(told.status, 503);
    assert!(told.head.contains("Retry-After: "), "{}", told.head);
    gate.open();
    assert_eq!(first.answer().body, b"hello");
}

#[test]
fn a_request_that_came_before_its_deadline_was_looked_at_is_answered() {
    let served = Served::start_patiently(
        settings().with(|settings| settings.timeouts.keep_alive = Duration::from_secs(3)),
        hello(),
    );
    for _ in 0..50 {
        let mut client = served.connect();
        client.ask("/");
        assert_eq!(client.answer().body, b"hello");
        served.until_idle(1);
        // The request is in the kernel, or has been read already; in both cases it is answered.
        client.ask("/");
        served.clock.advance(Duration::from_secs(4));
        served.running.tick();
        assert_eq!(client.answer().body, b"hello");
        drop(client);
        served.wait_for_connections(0);
    }
}
