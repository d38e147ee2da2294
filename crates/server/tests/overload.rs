//! Tests of overload: requests that wait too long, run too long, or whose client has left.

mod support;

#[path = "support/log.rs"]
mod log;

use std::sync::Arc;
use std::time::Duration;

use maitred_config::{ProxyHeader, ProxyHeaders, Settings, TrustedProxies};
use maitred_http_parser::exchange::{Chunk, Exchange};
use maitred_server::Gil;
use support::{App, Client, End, Gate, Opens, Served, answer, eventually, ok, settings};

const SECOND: Duration = Duration::from_secs(1);

const STUCK: &str = "maitred_threads_stuck{worker=\"0\"}";
const THREADS: &str = "maitred_threads{worker=\"0\"}";
const BUSY: &str = "maitred_threads_busy{worker=\"0\"}";
const WAITING: &str = "maitred_queue_requests{worker=\"0\"}";

fn standing(settings: Settings, application: Arc<App>) -> Served {
    let telemetry = support::standing(&settings);
    Served::start_whole(settings, application, Gil::Disabled, telemetry)
}

/// An application whose paths under `/stuck` do not return until the gate is open.
fn stuck(gate: &Arc<Gate>) -> Arc<App> {
    let gate = Arc::clone(gate);
    App::new(move |exchange: Exchange| {
        if exchange.head.path().starts_with(b"/stuck") {
            gate.pass();
        }
        answer(exchange, b"hello");
    })
}

/// The lines about a request for this path that has taken too long.
fn timeout_lines(path: &str) -> Vec<String> {
    let lines = log::lines_with(path);
    lines.into_iter().filter(|line| line.contains("request-timeout: ")).collect()
}

fn asks(served: &Served, path: &str) -> Client {
    let mut client = served.connect();
    client.ask(path);
    client
}

#[test]
fn a_request_that_runs_too_long_is_answered_504_and_its_thread_is_replaced() {
    log::listen();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let application = stuck(&gate);
    let settings = settings().with(|settings| {
        settings.limits.threads = 2;
        settings.timeouts.request = Some(10 * SECOND);
    });
    let served = standing(settings, application.clone());
    let mut slow = asks(&served, "/stuck/replaced");
    gate.wait_for(1);
    served.clock.advance(9 * SECOND);
    served.running.tick();
    assert_eq!(served.metric(STUCK), 0.0);
    served.clock.advance(SECOND);
    served.running.tick();
    let told = slow.answer();
    assert_eq!(told.status, 504);
    assert!(told.head.contains("Connection: close"), "{}", told.head);
    served.until(STUCK, 1.0);
    eventually("the line that says so", || !timeout_lines("/stuck/replaced").is_empty());
    assert_eq!((served.metric(THREADS), served.metric(BUSY)), (2.0, 0.0));
    let lines = timeout_lines("/stuck/replaced");
    assert_eq!(lines.len(), 1);
    for part in ["ERROR maitred request-timeout: ", "the stack of maitred-", "it was replaced"] {
        assert!(lines[0].contains(part), "no {part} in {lines:?}");
    }
    assert_eq!(application.stacks.lock().expect("no panic").len(), 1);
    // Its time counts up to the moment when it was given up, and no further.
    assert_eq!(served.metric("maitred_threads_busy_seconds_total{worker=\"0\"}"), 10.0);
    served.clock.advance(SECOND);
    assert_eq!(served.metric("maitred_threads_busy_seconds_total{worker=\"0\"}"), 10.0);
    let timeouts = "maitred_requests_total{worker=\"0\",method=\"GET\",code=\"504\"}";
    assert_eq!(served.metric(timeouts), 1.0);

    // Capacity is what it was: two more may get stuck, and be seen to.
    for _ in 0..4 {
        assert_eq!(served.get("/").status, 200);
    }
    gate.open();
    served.until(STUCK, 0.0);
    assert_eq!(served.metric(THREADS), 2.0);
    assert_eq!(served.metric(timeouts), 1.0);
}

#[test]
fn a_standstill_of_the_process_is_not_charged_to_a_running_request() {
    log::listen();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let settings = settings().with(|settings| {
        settings.limits.threads = 2;
        settings.timeouts.request = Some(10 * SECOND);
        settings.timeouts.slow_request = Some(5 * SECOND);
    });
    let served = standing(settings, stuck(&gate));
    let mut slow = asks(&served, "/stuck/paused");
    gate.wait_for(1);
    served.clock.advance(4 * SECOND);
    served.running.tick();
    for standstill in [60, 3600] {
        served.running.stand_still(standstill * SECOND);
        assert_eq!(served.metric(STUCK), 0.0);
    }
    // One that comes afterwards has no more time than it is due.
    let mut later = asks(&served, "/stuck/later");
    gate.wait_for(2);
    served.clock.advance(5 * SECOND);
    served.running.tick();
    assert_eq!(served.metric(STUCK), 0.0);
    eventually("the line about it", || !log::lines_with("/stuck/paused").is_empty());
    served.clock.advance(SECOND);
    served.running.tick();
    assert_eq!(slow.answer().status, 504);
    served.clock.advance(4 * SECOND);
    served.running.tick();
    assert_eq!(later.answer().status, 504);
    gate.open();
    served.until(STUCK, 0.0);
}

#[test]
fn a_request_that_was_answered_504_is_named_for_as_long_as_it_runs() {
    log::listen();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.request = Some(10 * SECOND);
        settings.timeouts.queue = 1_000_000 * SECOND;
        settings.proxies.trusted = TrustedProxies::Any;
        settings.proxies.headers = ProxyHeaders::default().with(ProxyHeader::XForwardedFor);
    });
    let served = standing(settings, stuck(&gate));
    // The thread of the first one is replaced, and that of the second one is not.
    for count in 1..=2 {
        let mut slow = served.connect();
        let head = format!("PUT /stuck/named/{count} HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n");
        slow.send(format!("{head}X-Forwarded-For: 192.0.2.{count}\r\n\r\n").as_bytes());
        gate.wait_for(count);
        served.clock.advance(10 * SECOND);
        served.running.tick();
        assert_eq!(slow.answer().status, 504);
        let path = format!("/stuck/named/{count}");
        eventually("the line about it", || !timeout_lines(&path).is_empty());
    }
    served.until(STUCK, 2.0);
    let status = served.telemetry.status(None);
    let threads = status["threads"].as_array().expect("a list");
    let stuck: Vec<_> = threads.iter().filter(|thread| thread["stuck"] == true).collect();
    for (thread, count) in stuck.iter().zip(1..=2) {
        let request = &thread["request"];
        let facts = ["method", "path", "client"].map(|fact| request[fact].as_str());
        let (path, client) = (format!("/stuck/named/{count}"), format!("192.0.2.{count}"));
        assert_eq!(facts, [Some("PUT"), Some(&path), Some(&client)], "{status}");
    }
    assert_eq!(stuck.len(), 2, "{status}");
    // When the server stops, a connection without a thread makes it wait.
    let waits = asks(&served, "/waits");
    served.until(WAITING, 1.0);
    served.running.drain();
    eventually("the end of the drain", || {
        served.clock.advance(10 * SECOND);
        waits.has_more()
    });
    for count in 1..=2 {
        let lines = || log::lines_with(&format!("/stuck/named/{count}"));
        let is_last = |line: &String| line.contains("a running request is aborted");
        // The connections wait for it, but not for ever.
        eventually("the last line about it", || lines().last().is_some_and(is_last));
        let lines = lines();
        let last = lines.last().expect("there are some");
        for part in ["method=\"PUT\"", "192.0.2."] {
            assert!(last.contains(part), "no {part} in {lines:?}");
        }
    }
}

#[test]
fn a_request_whose_response_is_complete_is_named_while_the_application_goes_on() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let inside = gate.clone();
    let application = App::new(move |exchange: Exchange| {
        answer(exchange, b"hello");
        inside.pass();
    });
    let served = standing(settings(), application);
    let mut client = asks(&served, "/closes/slowly");
    assert_eq!(client.answer().status, 200);
    gate.wait_for(1);
    let status = served.telemetry.status(None);
    let busy: Vec<_> = status["threads"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|thread| thread["request"]["path"].as_str())
        .collect();
    assert_eq!(busy, ["/closes/slowly"], "{status}");
}

#[test]
fn as_many_stuck_threads_are_replaced_as_there_are_threads_and_no_more() {
    log::listen();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.request = Some(10 * SECOND);
        settings.timeouts.queue = 600 * SECOND;
    });
    let served = standing(settings, stuck(&gate));
    for (count, outcome) in [(1, "it was replaced"), (2, "it is not replaced")] {
        let path = format!("/stuck/bound/{count}");
        let mut slow = asks(&served, &path);
        gate.wait_for(count);
        served.clock.advance(10 * SECOND);
        served.running.tick();
        assert_eq!(slow.answer().status, 504);
        eventually("the line that says so", || !timeout_lines(&path).is_empty());
        let lines = timeout_lines(&path);
        assert!(lines[0].contains(outcome), "{lines:?}");
        #[expect(clippy::cast_precision_loss, reason = "one or two")]
        served.until(STUCK, count as f64);
    }
    // Nobody serves, and the probes say so: that of liveness after `worker-timeout`.
    assert_eq!((served.metric(THREADS), served.metric(BUSY)), (1.0, 1.0));
    assert_eq!(served.telemetry.readiness(), Err("all threads are stuck"));
    assert_eq!(served.telemetry.liveness(), Ok(()));
    served.clock.advance(60 * SECOND);
    assert_eq!(served.telemetry.liveness(), Err("all threads are stuck"));
    // What comes waits, and is not lost.
    let mut waits = asks(&served, "/waits");
    served.until(WAITING, 1.0);
    gate.open();
    assert_eq!(waits.answer().status, 200);
    served.until(STUCK, 0.0);
    assert_eq!(served.metric(THREADS), 1.0);
    assert_eq!((served.telemetry.readiness(), served.telemetry.liveness()), (Ok(()), Ok(())));
}

#[test]
fn without_a_request_timeout_no_thread_is_ever_stuck() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.request = None;
    });
    let served = standing(settings, stuck(&gate));
    let mut slow = asks(&served, "/stuck/for/ever");
    gate.wait_for(1);
    served.clock.advance(3600 * SECOND);
    served.running.tick();
    assert_eq!((served.telemetry.readiness(), served.telemetry.liveness()), (Ok(()), Ok(())));
    gate.open();
    assert_eq!(slow.answer().status, 200);
}

#[test]
fn a_response_that_has_begun_is_cut_off_when_its_time_is_over() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let inside = gate.clone();
    let application = App::new(move |mut exchange| {
        exchange.reply.head(ok());
        let _ = exchange.reply.chunk(Chunk::Borrowed(b"the first half"));
        inside.pass();
        let _ = exchange.reply.chunk(Chunk::Borrowed(b"the second"));
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    });
    let settings = settings().with(|settings| settings.timeouts.request = Some(10 * SECOND));
    let served = standing(settings, application);
    let mut client = asks(&served, "/");
    gate.wait_for(1);
    served.clock.advance(10 * SECOND);
    served.running.tick();
    let (got, end) = client.rest();
    let got = String::from_utf8_lossy(&got);
    assert!(got.contains("the first half") && !got.contains("second"), "{got}");
    assert!(!got.ends_with("0\r\n\r\n"), "{got}");
    assert_eq!(end, End::Closed);
    gate.open();
    served.until(STUCK, 0.0);
}

#[test]
fn a_slow_request_is_told_about_once_with_its_own_stack_and_client() {
    log::listen();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let application = stuck(&gate);
    let settings = settings().with(|settings| {
        settings.limits.threads = 3;
        settings.timeouts.slow_request = Some(5 * SECOND);
        settings.proxies.trusted = TrustedProxies::Any;
        settings.proxies.headers = ProxyHeaders::default().with(ProxyHeader::XForwardedFor);
    });
    let served = standing(settings, application.clone());
    let mut slow = served.connect();
    slow.send(b"GET /stuck/slow HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n");
    gate.wait_for(1);
    served.clock.advance(5 * SECOND);
    let mut quick = asks(&served, "/stuck/quick");
    gate.wait_for(2);
    for _ in 0..5 {
        served.running.tick();
    }
    eventually("the line that says so", || !log::lines_with("/stuck/slow").is_empty());
    served.clock.advance(4 * SECOND);
    for _ in 0..5 {
        served.running.tick();
    }
    gate.open();
    assert_eq!((slow.answer().status, quick.answer().status), (200, 200));
    served.until(BUSY, 0.0);
    let lines = log::lines_with("/stuck/slow");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN maitred slow-request: "), "{lines:?}");
    assert!(lines[0].contains("seconds=5"), "{lines:?}");
    assert!(lines[0].contains("client=\"192.0.2.7\""), "the proxy is no client: {lines:?}");
    assert_eq!(log::lines_with("/stuck/quick"), [""; 0]);
    assert_eq!(application.stacks.lock().expect("no panic").len(), 1);
}

#[test]
fn requests_of_clients_that_have_gone_are_dropped_from_the_queue() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let settings = settings().with(|settings| settings.limits.threads = 1);
    let served = Served::start_with(settings, stuck(&gate), Gil::Disabled);
    let mut busy = asks(&served, "/stuck");
    gate.wait_for(1);
    let leaving: Vec<_> = (0..5).map(|_| asks(&served, "/left")).collect();
    served.until(WAITING, 5.0);
    leaving.into_iter().for_each(Client::reset);
    served.wait_for_connections(1);
    let mut stays = asks(&served, "/stays");
    served.until(WAITING, 6.0);
    gate.open();
    assert_eq!(busy.answer().status, 200);
    assert_eq!(stays.answer().status, 200);
    let left = "maitred_client_disconnects_total{worker=\"0\",stage=\"queue\"}";
    assert_eq!(served.metric(left), 5.0);
    let code = |code: u16| {
        format!("maitred_requests_total{{worker=\"0\",method=\"GET\",code=\"{code}\"}}")
    };
    served.until(&code(200), 2.0);
    assert_eq!(served.metric(&code(499)), 5.0);
}

#[test]
fn a_queue_full_of_requests_whose_clients_have_gone_has_room() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let settings = settings().with(|settings| {
        settings.limits.threads = 1;
        settings.limits.queue = 3;
    });
    let served = standing(settings, stuck(&gate));
    let mut busy = asks(&served, "/stuck");
    gate.wait_for(1);
    let mut waits = asks(&served, "/waits");
    let leaving: Vec<_> = (0..2).map(|_| asks(&served, "/left")).collect();
    served.until(WAITING, 3.0);
    leaving.into_iter().for_each(Client::reset);
    served.wait_for_connections(2);
    let mut newcomers = [asks(&served, "/new"), asks(&served, "/new")];
    served.settle(); // how many wait does not tell whether it is they
    assert_eq!(asks(&served, "/one-too-many").answer().status, 503);
    gate.open();
    for client in newcomers.iter_mut().chain([&mut busy, &mut waits]) {
        assert_eq!(client.answer().status, 200);
    }
    let left = "maitred_client_disconnects_total{worker=\"0\",stage=\"queue\"}";
    assert_eq!(served.metric(left), 2.0);
}

#[test]
fn one_line_says_that_requests_wait_and_what_to_change() {
    log::listen();
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    // In no other test do requests wait for so many threads.
    let served = standing(settings().with(|settings| settings.limits.threads = 5), stuck(&gate));
    let lines = || log::lines_with(" threads=5 busy=5");
    let _busy = [(); 5].map(|()| asks(&served, "/stuck"));
    gate.wait_for(5);
    let _waits = asks(&served, "/waits");
    served.until(WAITING, 1.0);
    served.running.tick();
    assert_eq!(lines(), [""; 0]);
    for _ in 0..20 {
        served.clock.advance(SECOND);
        served.running.tick();
    }
    eventually("the line", || !lines().is_empty());
    let lines = lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("WARN maitred.queue "), "{lines:?}");
    assert!(lines[0].contains("raise `threads`"), "{lines:?}");
}
