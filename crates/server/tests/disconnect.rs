//! Tests of clients that disconnect, at every stage of their request.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::time::Duration;

use maitred_http_parser::exchange::{Chunk, Flow, Presence};
use support::{App, Client, Gate, Opens, Served, answer, eventually, next, ok, settings};

/// What an application is told that has kept `presence`.
fn is_gone(presence: &Weak<dyn Presence>) -> bool {
    presence.upgrade().is_none_or(|presence| presence.is_gone())
}

/// How a client leaves.
const WAYS: [fn(Client); 2] = [drop, Client::reset];

/// One thread, which stops at `/stop` until the gate is open, and tells what it was asked for.
fn one_thread() -> (Served, Arc<Gate>, Arc<Mutex<Vec<String>>>) {
    let gate = Gate::new();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (inside, seen) = (gate.clone(), asked.clone());
    let app = App::new(move |exchange| {
        let path = String::from_utf8_lossy(exchange.head.path()).into_owned();
        seen.lock().expect("no panic in here").push(path.clone());
        if path == "/stop" {
            inside.pass();
        }
        answer(exchange, b"hello");
    });
    (
        Served::start_patiently(settings().with(|settings| settings.limits.threads = 1), app),
        gate,
        asked,
    )
}

#[test]
fn a_request_that_its_client_leaves_half_said_never_reaches_the_application() {
    let (served, _, asked) = one_thread();
    for leave in WAYS {
        for begun in [
            "GET / HTTP/1.1\r\nHost",
            "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf",
            "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ] {
            let mut client = served.connect();
            client.send(begun.as_bytes());
            served.settle();
            leave(client);
            served.wait_for_connections(0);
        }
    }
    assert_eq!(*asked.lock().expect("no panic in here"), [""; 0]);
}

#[test]
fn a_client_that_resets_its_connection_never_reaches_the_application() {
    let (served, gate, asked) = one_thread();
    let _opens = Opens(gate.clone());
    let mut first = served.connect();
    first.ask("/stop");
    gate.wait_for(1);
    for (path, leave) in [("/closed", WAYS[0]), ("/reset", WAYS[1])] {
        let mut client = served.connect();
        client.ask(path);
        served.settle();
        leave(client);
        served.settle();
    }
    let mut last = served.connect();
    last.ask("/last");
    served.settle();
    gate.open();
    assert_eq!(first.answer().status, 200);
    assert_eq!(last.answer().status, 200);
    // Who closes may only have ended its side, and only who resets has certainly left.
    assert_eq!(*asked.lock().expect("no panic in here"), ["/stop", "/closed", "/last"]);
    drop((first, last));
    served.wait_for_connections(0);
}

#[test]
fn a_complete_request_is_answered_however_long_ago_its_client_ended_its_side() {
    let (served, gate, _) = one_thread();
    let _opens = Opens(gate.clone());
    let mut first = served.connect();
    first.ask("/stop");
    gate.wait_for(1);
    let mut half_closed = served.connect();
    half_closed.ask("/");
    half_closed.half_close();
    served.settle();
    // Up to queue-timeout.
    served.clock.advance(Duration::from_secs(20));
    served.running.tick();
    gate.open();
    assert_eq!(half_closed.answer().status, 200);
    assert_eq!(first.answer().status, 200);
}

#[test]
fn a_client_that_only_says_that_it_will_send_no_more_is_answered() {
    let (served, _, _) = one_thread();
    let mut client = served.connect();
    client.ask("/");
    client.half_close();
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
    assert!(client.is_closed());
}

#[test]
fn all_pipelined_requests_before_a_half_close_are_answered() {
    let (served, _, _) = one_thread();
    let mut client = served.connect();
    client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n".repeat(50).as_bytes());
    client.half_close();
    for _ in 0..50 {
        assert_eq!(client.answer().body, b"hello");
    }
    assert!(client.is_closed());
}

#[test]
fn the_application_learns_that_its_client_has_left() {
    let (tell, told) = mpsc::channel();
    let app = App::new(move |exchange| {
        let presence = exchange.reply.presence();
        assert!(!is_gone(&presence), "gone before it has left");
        tell.send(()).expect("the test waits");
        eventually("the client to leave", || is_gone(&presence));
        tell.send(()).expect("the test waits");
        answer(exchange, b"nobody reads this");
    });
    let served = Served::start_patiently(settings(), app);
    for leave in WAYS {
        let mut client = served.connect();
        client.ask("/");
        next(&told); // the application was called
        leave(client);
        next(&told); // it has seen that
        served.wait_for_connections(0);
    }
}

#[test]
fn a_client_that_is_as_far_ahead_as_may_be_is_still_seen_to_leave() {
    let (tell, told) = mpsc::channel();
    let app = App::new(move |exchange| {
        let presence = exchange.reply.presence();
        tell.send(()).expect("the test waits");
        eventually("the client to leave", || is_gone(&presence));
        tell.send(()).expect("the test waits");
        answer(exchange, b"nobody reads this");
    });
    let served =
        Served::start_patiently(settings().with(|settings| settings.limits.threads = 1), app);
    for leave in WAYS {
        let mut client = served.connect();
        client.ask("/");
        next(&told); // the application was called
        client.send(&[b'x'; 120_000]);
        served.settle();
        leave(client);
        next(&told); // it has seen that
        served.wait_for_connections(0);
    }
}

#[test]
fn a_client_that_leaves_while_it_is_written_to_frees_the_thread() {
    for leave in WAYS {
        let gone = Arc::new(AtomicUsize::new(0));
        let seen = gone.clone();
        let app = App::new(move |mut exchange| {
            if exchange.head.path() != b"/endless" {
                return answer(exchange, b"hello");
            }
            exchange.reply.head(ok());
            loop {
                match exchange.reply.chunk(Chunk::Borrowed(&[b'x'; 50_000])) {
                    Flow::Continue => {}
                    Flow::Wait if exchange.reply.wait() == Flow::Continue => {}
                    Flow::Wait | Flow::Enough | Flow::Gone => break,
                }
            }
            seen.fetch_add(1, Ordering::Relaxed);
        });
        let served =
            Served::start_patiently(settings().with(|settings| settings.limits.threads = 1), app);
        let mut client = served.connect();
        client.ask("/endless");
        let mut some = [0; 100_000];
        std::io::Read::read_exact(&mut client.stream, &mut some).expect("it is being sent");
        leave(client);
        eventually("the application to notice", || gone.load(Ordering::Relaxed) == 1);
        assert_eq!(served.get("/").body, b"hello");
    }
}

#[test]
fn what_the_application_keeps_of_a_client_keeps_no_connection_open() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = kept.clone();
    let app = App::new(move |mut exchange| {
        keeper.lock().expect("no panic in here").push(exchange.reply.presence());
        // HTTP/1.0 takes the end of the connection for the end of the body.
        exchange.reply.head(ok());
        assert_eq!(exchange.reply.chunk(Chunk::Borrowed(b"half")), Flow::Continue);
        exchange.reply.fail(maitred_http_parser::ApplicationFault::Dropped);
    });
    let served = Served::start_patiently(settings(), app);
    let mut client = served.connect();
    client.send(b"GET / HTTP/1.0\r\n\r\n");
    let (_, end) = client.rest();
    assert_eq!(end, support::End::Reset);
    assert!(is_gone(&kept.lock().expect("no panic in here")[0]));
}
