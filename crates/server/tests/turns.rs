//! Tests of turns: what has happened while the I/O thread was at one connection, and who is next.
//!
//! The I/O thread stands still where it logs that it refuses a request. What clients do meanwhile, the
//! kernel tells it all at once.

#[path = "support/log.rs"]
mod log;
mod support;

use std::sync::{Arc, Mutex};

use support::{App, Client, Gate, Opens, PATIENCE, Served, answer, eventually, settings};

/// The words at which whoever says them stands still, and until when.
static HALTS: Mutex<Vec<(&str, Arc<Gate>)>> = Mutex::new(Vec::new());

/// Stands still if the line has such words.
fn stand_still(line: &str) {
    let gate = {
        let halts = HALTS.lock().expect("no test panics in here");
        halts.iter().find(|(words, _)| line.contains(words)).map(|(_, gate)| gate.clone())
    };
    if let Some(gate) = gate {
        gate.pass();
    }
}

/// From now on, the I/O thread stands still when it refuses a request for this path. What is returned
/// must be dropped before the server, which waits for that thread.
fn halt_at(path: &'static str) -> Opens {
    log::listen_and(stand_still);
    let gate = Gate::new();
    HALTS.lock().expect("no test panics in here").push((path, gate.clone()));
    Opens(gate)
}

/// A request that is refused, because it has no Host.
fn refused(client: &mut Client, path: &str) {
    client.send(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
}

/// Where the first line stands that holds `part`.
fn line_with(part: &str) -> Option<usize> {
    log::lines_with("").iter().position(|line| line.contains(part))
}

fn hello() -> Arc<App> {
    App::new(|exchange| answer(exchange, b"hello"))
}

fn is_served(client: &mut Client) -> bool {
    client.ask("/");
    client.answer().status == 200
}

#[test]
fn who_has_left_makes_room_before_anybody_else_has_to() {
    let limits = settings().with(|settings| settings.limits.connections = 4);
    let served = Served::start(limits, hello());
    let halt = halt_at("/halt/room");
    let mut all = [(); 3].map(|()| served.connect());
    assert!(all.iter_mut().all(is_served));
    let [mut first, mut second, leaves] = all;
    let mut mistaken = served.connect();
    served.wait_for_connections(4);
    refused(&mut mistaken, "/halt/room");
    halt.0.wait_for(1);
    // They come before the others leave, and never are there more than the limit.
    let mut newcomers = [(); 2].map(|()| served.connect());
    drop((leaves, mistaken));
    halt.0.open();
    for client in newcomers.iter_mut().chain([&mut first, &mut second]) {
        assert!(is_served(client), "it was closed to make room");
    }
    assert_eq!(served.metric("maitred_connections_evicted_total{worker=\"0\"}"), 0.0);
}

#[test]
fn a_connection_full_of_tiny_chunks_lets_others_have_their_turn() {
    let served = Served::start(settings(), hello());
    let halt = halt_at("/halt/turns");
    let mut greedy = served.connect();
    greedy.stream.set_write_timeout(Some(PATIENCE)).expect("a timeout can be set");
    // The kernel grows its buffers on the way, and then takes what follows at once.
    let body = vec![b'x'; 8 << 20];
    greedy.send(
        format!("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
    );
    greedy.send(&body);
    assert_eq!(greedy.answer().status, 200);
    greedy.send(b"POST /greedy HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut modest = served.connect();
    let mut mistaken = served.connect();
    served.wait_for_connections(3);
    refused(&mut mistaken, "/halt/turns");
    halt.0.wait_for(1);
    // Both are refused when all has been read: this one after much.
    greedy.send(&b"1\r\nx\r\n".repeat(32_000));
    greedy.send(b"mistake\r\n");
    refused(&mut modest, "/modest");
    halt.0.open();
    assert_eq!((modest.answer().status, greedy.answer().status), (400, 400));
    eventually("both lines", || line_with("/greedy").is_some() && line_with("/modest").is_some());
    assert!(line_with("/modest") < line_with("/greedy"), "the other one had to wait");
}
