//! Tests of the drain under load.

mod support;

#[path = "support/log.rs"]
mod log;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use maitred_server::{Gil, Waited};
use support::{App, Gate, Opens, PATIENCE, Served, answer, eventually, settings};

const SECOND: Duration = Duration::from_secs(1);

fn hello() -> Arc<App> {
    App::new(|exchange| answer(exchange, b"hello"))
}

/// What one client saw: answers, and connections that the server ended in between.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    answers: usize,
    refused: usize,
    broken: Vec<String>,
}

/// Asks again and again, on kept connections and new ones, until nobody accepts any more.
fn busy_client(address: std::net::SocketAddr, answered: &AtomicUsize) -> Seen {
    const ANSWER_END: &[u8] = b"\r\n\r\nhello";
    let mut seen = Seen::default();
    'connections: loop {
        let Ok(mut stream) = TcpStream::connect(address) else {
            seen.refused += 1;
            return seen;
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        for number in 0.. {
            if let Err(error) = stream.write_all(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n") {
                seen.broken.push(format!("{error} when request {number} was sent"));
                continue 'connections;
            }
            let mut got = Vec::new();
            let mut piece = [0; 1024];
            while !got.ends_with(ANSWER_END) {
                match stream.read(&mut piece) {
                    Ok(0) => {
                        seen.broken.push(format!("end in request {number} after {got:?}"));
                        continue 'connections;
                    }
                    Ok(count) => got.extend_from_slice(&piece[..count]),
                    Err(error) => {
                        seen.broken.push(format!("{error} in request {number} after {got:?}"));
                        continue 'connections;
                    }
                }
            }
            seen.answers += 1;
            answered.fetch_add(1, Ordering::Relaxed);
            if String::from_utf8_lossy(&got).contains("Connection: close") {
                continue 'connections;
            }
        }
    }
}

#[test]
fn fifty_busy_clients_lose_nothing_when_the_server_stops() {
    let settings = settings().with(|settings| {
        settings.timeouts.drain_delay = Duration::from_millis(200);
        settings.limits.connections = 1000;
    });
    let served = Served::start_patiently(settings, hello());
    let answered = [const { AtomicUsize::new(0) }; 50];
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let start = |answered| scope.spawn(move || busy_client(served.address, answered));
        let clients: Vec<_> = answered.iter().map(start).collect();
        eventually("some answers to each", || {
            answered.iter().all(|answered| answered.load(Ordering::Relaxed) > 10)
        });
        served.running.drain();
        clients.into_iter().map(|client| client.join().expect("no panic")).collect()
    });
    assert_eq!(served.running.wait(), Waited::Stopped);
    let broken: Vec<_> = seen.iter().flat_map(|seen| &seen.broken).collect();
    assert!(broken.is_empty(), "{}: {:?}", broken.len(), broken.first());
    assert!(seen.iter().all(|seen| seen.answers > 0 && seen.refused == 1), "{seen:?}");
    let answers: usize = seen.iter().map(|seen| seen.answers).sum();
    assert_eq!(served.telemetry.requests(), answers as u64);
    assert_every_connection_ended_in_one_way(&served);
}

/// What was accepted is what was closed, each for one reason.
fn assert_every_connection_ended_in_one_way(served: &Served) {
    let scrape = served.telemetry.scrape();
    let sum = |family: &str| -> f64 {
        let series = scrape.lines().filter(|line| line.starts_with(&format!("{family}{{")));
        let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    };
    let accepted = sum("maitred_connections_accepted_total");
    assert!(accepted > 0.0);
    assert_eq!(accepted, sum("maitred_connections_closed_total"), "{scrape}");
}

#[test]
fn readiness_falls_first_and_what_comes_is_still_answered_with_a_last_word() {
    let settings = settings().with(|settings| settings.timeouts.drain_delay = 3600 * SECOND);
    let served = Served::start(settings, hello());
    let mut kept = served.connect();
    kept.ask("/");
    assert!(!kept.answer().head.contains("Connection: close"));
    assert_eq!(served.telemetry.readiness(), Ok(()));
    served.running.drain();
    eventually("readiness to fall", || served.telemetry.readiness() == Err("draining"));
    assert!(served.telemetry.has_started());
    for _ in 0..10 {
        let told = served.get("/");
        assert_eq!(told.status, 200);
        assert!(told.head.contains("Connection: close"), "{}", told.head);
    }
    kept.ask("/");
    let told = kept.answer();
    assert!(told.head.contains("Connection: close"), "{}", told.head);
    assert!(kept.is_closed());
    served.running.kill();
    assert_eq!(served.running.wait(), Waited::Stopped);
    assert_eq!(served.telemetry.readiness(), Err("stopped"));
}

#[test]
fn idle_connections_close_at_once_and_running_requests_finish() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let inside = gate.clone();
    let application = App::new(move |exchange| {
        inside.pass();
        answer(exchange, b"at last");
    });
    let served = Served::start(settings(), application);
    let mut idle = served.connect();
    let mut runs = served.connect();
    runs.ask("/");
    gate.wait_for(1);
    served.running.drain();
    assert!(idle.is_closed());
    assert!(TcpStream::connect(served.address).is_err(), "the listener is still open");
    gate.open();
    let told = runs.answer();
    assert_eq!(told.body, b"at last");
    assert!(told.head.contains("Connection: close"), "{}", told.head);
    assert_eq!(served.running.wait(), Waited::Stopped);
    assert_every_connection_ended_in_one_way(&served);
    let drained = "maitred_connections_closed_total{worker=\"0\",reason=\"drain\"}";
    assert_eq!(served.metric(drained), 1.0);
}

#[test]
fn what_has_connected_before_the_listener_closes_is_served() {
    let served = Served::start_patiently(settings(), hello());
    // Their handshakes are over; whether they have been accepted yet is the server's affair.
    let mut streams: Vec<_> = (0..50).map(|_| served.connect()).collect();
    served.running.drain();
    for client in &mut streams {
        client.ask("/");
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(served.running.wait(), Waited::Stopped);
}

#[test]
fn what_runs_longer_than_the_grace_is_named_and_cut_off() {
    log::listen();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let inside = gate.clone();
    let application = App::new(move |exchange| {
        inside.pass();
        answer(exchange, b"too late");
    });
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.graceful = 10 * SECOND;
        settings.timeouts.queue = 1_000_000 * SECOND;
    });
    let telemetry = support::standing(&settings);
    let served = Served::start_whole(settings, application, Gil::Disabled, telemetry);
    let mut runs = served.connect();
    runs.ask("/runs/for/ever");
    gate.wait_for(1);
    let mut waits = served.connect();
    waits.ask("/waits");
    served.until("maitred_queue_requests{worker=\"0\"}", 1.0);
    served.running.drain();
    eventually("the drain to begin", || served.telemetry.is_draining());
    served.clock.advance(9 * SECOND);
    assert_eq!(log::lines_with("a running request is aborted"), [""; 0]);
    // The ten seconds begin when the listener has closed: let the clock run.
    runs.stream.set_nonblocking(true).expect("it can be");
    eventually("the end of the connection", || {
        served.clock.advance(SECOND);
        match runs.stream.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Ok(0) => true, // nothing of a response was given that could look complete
            other => panic!("not the end, but {other:?}"),
        }
    });
    let told = waits.answer();
    assert_eq!(told.status, 503);
    assert!(told.head.contains("Retry-After: 1"), "{}", told.head);
    // The connections wait for this line, but not for ever.
    let lines = || log::lines_with("a running request is aborted");
    eventually("the line about it", || !lines().is_empty());
    let lines = lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["/runs/for/ever", "the stack of maitred-0", "worker_thread=\"maitred-0\""] {
        assert!(lines[0].contains(part), "no {part} in {lines:?}");
    }
    assert_eq!(served.running.wait(), Waited::Stopped);
    let drained = "maitred_connections_rejected_total{worker=\"0\",reason=\"draining\"}";
    assert_eq!(served.metric(drained), 1.0);
    let code = |code: u16| {
        let series = "maitred_requests_total{worker=\"0\",method=\"GET\"";
        served.metric(&format!("{series},code=\"{code}\"}}"))
    };
    assert_eq!((code(500), code(503)), (1.0, 1.0));
    assert_every_connection_ended_in_one_way(&served);
}

#[test]
fn a_nudge_reaches_everybody_who_waits() {
    let served = Served::start(settings(), hello());
    let (other, third) = (served.running.clone(), served.running.clone());
    served.running.interrupt_wait();
    assert_eq!(served.running.wait(), Waited::Interrupted);
    assert_eq!(other.wait(), Waited::Interrupted);
    served.running.drain();
    assert_eq!(served.running.wait(), Waited::Stopped);
    assert_eq!(third.wait(), Waited::Stopped);
}
