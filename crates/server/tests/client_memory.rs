//! Tests of the memory and the disk that all clients together may take.

#[path = "support/log.rs"]
mod log;
mod support;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use log::lines_with;
use maitred_config::Settings;
use maitred_http_parser::exchange::{Body, Chunk, Exchange, Flow};
use support::{App, Client, Served, answer, eventually, finish, next, ok, settings};

const MIB: u64 = 1024 * 1024;

/// What each connection may hold beside the budget: twice what is not counted, and what arrives in one
/// read.
const BESIDE_BUDGET: u64 = 48 * 1024;

/// More than the kernel holds for a client that does not read.
const UNREAD: usize = 20_000_000;

fn spooled(served: &Served, direction: &str, storage: &str) -> u64 {
    let series = format!(
        "maitred_spool_bytes{{worker=\"0\",direction=\"{direction}\",storage=\"{storage}\"}}"
    );
    served.metric(&series) as u64
}

/// The memory that the server holds for clients.
fn in_memory(served: &Served) -> u64 {
    spooled(served, "in", "memory") + spooled(served, "out", "memory")
}

fn on_disk(served: &Served) -> u64 {
    spooled(served, "in", "disk") + spooled(served, "out", "disk")
}

fn rejected_for_storage(served: &Served) -> f64 {
    served.metric("maitred_connections_rejected_total{worker=\"0\",reason=\"storage\"}")
}

/// Echoes the length of a body; `/large` is one large piece, of which `alive` is one owner.
fn app(alive: Arc<()>) -> Arc<App> {
    App::new(move |mut exchange| {
        if exchange.head.path() != b"/large" {
            let length = exchange.body.len().to_string();
            let place = if matches!(exchange.body, Body::File { .. }) { "file" } else { "memory" };
            return answer(exchange, format!("{length} in {place}").as_bytes());
        }
        let owned = Owned { bytes: vec![b'x'; UNREAD], _alive: Arc::clone(&alive) };
        exchange.reply.head(ok());
        finish(&mut *exchange.reply, Chunk::Owned(Bytes::from_owner(owned)));
    })
}

struct Owned {
    bytes: Vec<u8>,
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn small(memory: u64) -> Settings {
    settings().with(|settings| settings.limits.client_memory = memory)
}

#[test]
fn a_large_piece_that_nobody_reads_is_on_the_disk_and_its_owner_is_free() {
    let alive = Arc::new(());
    let served = Served::start_patiently(settings(), app(Arc::clone(&alive)));
    let mut client = served.connect_narrow();
    client.ask("/large");
    eventually("the piece to be on the disk", || {
        on_disk(&served) > UNREAD as u64 / 2 && in_memory(&served) < 1000
    });
    assert_eq!(Arc::strong_count(&alive), 2, "the application holds one, and this test");
    let told = client.answer();
    assert_eq!((told.status, told.body.len()), (200, UNREAD));
    eventually("the disk to be free", || on_disk(&served) == 0);
    assert_eq!(spooled(&served, "in", "disk"), 0);
}

#[test]
fn responses_below_outbuf_overflow_go_to_the_disk_when_together_they_are_too_much() {
    let budget = 4 * MIB;
    let served = Served::start_patiently(
        small(budget).with(|settings| settings.limits.outbuf_overflow = 64 * 1024 * 1024),
        app(Arc::default()),
    );
    let mut clients: Vec<_> = (0..5).map(|_| served.connect_narrow()).collect();
    for client in &mut clients {
        client.ask("/large");
    }
    let wanted = 5 * (UNREAD as u64 / 2);
    eventually("the responses to be on the disk but one, which may have stayed", || {
        let memory = in_memory(&served);
        memory <= budget + UNREAD as u64 && memory + on_disk(&served) > wanted
    });
    for client in &mut clients {
        assert_eq!(client.answer().body.len(), UNREAD);
    }
    eventually("everything to be free", || in_memory(&served) + on_disk(&served) == 0);
}

#[test]
fn bodies_below_inbuf_overflow_go_to_the_disk_when_together_they_are_too_much() {
    const LENGTH: usize = 300_000;
    let budget = MIB;
    let served = Served::start_patiently(small(budget), app(Arc::default()));
    let mut clients: Vec<_> = (0..20).map(|_| served.connect()).collect();
    for client in &mut clients {
        client.send(
            format!("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {LENGTH}\r\n\r\n").as_bytes(),
        );
        client.send(&vec![b'x'; LENGTH - 1]);
    }
    eventually("the bodies", || {
        in_memory(&served) + on_disk(&served) > 20 * (LENGTH as u64 - 20_000)
    });
    let bound = budget + 20 * BESIDE_BUDGET + LENGTH as u64;
    assert!(in_memory(&served) <= bound, "{} bytes", in_memory(&served));
    assert!(spooled(&served, "in", "disk") > 3_000_000);
    let mut places = Vec::new();
    for client in &mut clients {
        client.send(b"x");
        places.push(String::from_utf8(client.answer().body).expect("ASCII"));
    }
    let in_files = places.iter().filter(|place| **place == format!("{LENGTH} in file")).count();
    let others = places.iter().filter(|place| **place == format!("{LENGTH} in memory")).count();
    assert!(in_files > 10 && in_files + others == 20, "{places:?}");
    eventually("everything to be free", || in_memory(&served) + on_disk(&served) == 0);
}

#[test]
fn a_head_that_no_memory_is_left_for_is_answered_503() {
    log::listen();
    let served = Served::start_patiently(small(100_000), app(Arc::default()));
    let part = format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}", "x".repeat(60_000));
    let mut first = served.connect();
    first.send(part.as_bytes());
    eventually("the first head", || in_memory(&served) > 60_000);
    let mut second = served.connect();
    second.send(part.as_bytes());
    let told = second.answer();
    assert_eq!((told.status, told.body.len()), (503, 0));
    assert!(told.head.contains("\nRetry-After: 1"), "{}", told.head);
    assert_eq!(rejected_for_storage(&served), 1.0);
    assert!(!lines_with("client-memory-limit is reached").is_empty());
    // The first one can go on, and so can those who send little.
    assert_eq!(served.get("/").status, 200);
    first.send(b"\r\n\r\n");
    assert_eq!(first.answer().status, 200);
}

#[test]
fn a_body_beyond_spool_limit_is_answered_503() {
    let served = Served::start_patiently(
        settings().with(|settings| settings.limits.spool = 2_000_000),
        app(Arc::default()),
    );
    let head = |length| format!("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {length}\r\n\r\n");
    let mut client = served.connect();
    client.send(head(1_900_000).as_bytes());
    client.send(&vec![b'x'; 1_900_000]);
    assert_eq!(client.answer().body, b"1900000 in file");
    let mut refused = served.connect();
    refused.send(head(3_000_000).as_bytes());
    refused.send(&vec![b'x'; 2_500_000]);
    assert_eq!(refused.answer().status, 503);
    assert_eq!(rejected_for_storage(&served), 1.0);
    eventually("the disk to be free", || on_disk(&served) == 0);
}

/// What a stream tells the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Finished,
    GivenUp,
}

/// Streams `/stream`, at most so many pieces, on the only thread.
fn streaming(settings: Settings, pieces: usize) -> (Served, mpsc::Receiver<Event>) {
    let (tell, told) = mpsc::channel();
    let piece = vec![b'x'; 50_000];
    let app = App::new(move |exchange| match exchange.head.path() {
        b"/stream" => {
            let end = stream(exchange, &piece, pieces);
            tell.send(end).expect("the test listens");
        }
        _ => answer(exchange, b"hello"),
    });
    let settings = settings.with(|settings| {
        settings.limits.threads = 1;
        settings.timeouts.queue = Duration::from_secs(100_000);
    });
    (Served::start_patiently(settings, app), told)
}

fn stream(mut exchange: Exchange, piece: &[u8], pieces: usize) -> Event {
    exchange.reply.head(ok());
    for _ in 0..pieces {
        let flow = exchange.reply.chunk(Chunk::Borrowed(piece));
        if flow == Flow::Gone || flow == Flow::Wait && exchange.reply.wait() == Flow::Gone {
            return Event::GivenUp;
        }
    }
    finish(&mut *exchange.reply, Chunk::Borrowed(b""));
    Event::Finished
}

#[test]
fn a_slow_reader_stops_no_thread_that_requests_wait_for() {
    let (served, told) = streaming(settings(), 2000);
    let mut slow = served.connect_narrow();
    slow.ask("/stream");
    // Nobody else is there: the thread waits for the client, above the high-water mark.
    let high = 16 * MIB;
    eventually("the thread to wait", || on_disk(&served) + in_memory(&served) > high - 100_000);
    assert!(told.try_recv().is_err());
    // Somebody else wants it. The clock stands still, so that no timeout ends the response.
    assert_eq!(served.get("/").body, b"hello");
    assert_eq!(next(&told), Event::Finished);
    assert!(on_disk(&served) > 50_000_000, "{}", on_disk(&served));
    assert_eq!(slow.answer().body.len(), 2000 * 50_000);
    eventually("the disk to be free", || on_disk(&served) == 0);
}

#[test]
fn an_endless_stream_to_a_slow_reader_ends_at_spool_limit() {
    log::listen();
    let (served, told) = streaming(
        settings().with(|settings| {
            settings.limits.spool = 40_000_000;
            settings.timeouts.write = Duration::from_secs(60);
        }),
        usize::MAX,
    );
    let mut slow = served.connect_narrow();
    slow.ask("/stream");
    let mut other = served.connect();
    other.ask("/");
    eventually("the disk to be full", || on_disk(&served) > 38_000_000);
    let mut taken = 0;
    let mut piece = vec![0; 64 * 1024];
    eventually("the stream to be given up", || {
        // It reads all the time, if slowly: it is not write-timeout of the connection that ends it.
        if taken < 10_000_000 {
            taken += std::io::Read::read(&mut slow.stream, &mut piece).expect("it is being sent");
        }
        served.clock.advance(Duration::from_secs(1));
        served.running.tick();
        told.try_recv().is_ok_and(|event| event == Event::GivenUp)
    });
    assert_eq!(other.answer().body, b"hello");
    assert!(on_disk(&served) <= 40_000_000);
    assert_eq!(lines_with("a response was broken off: its client reads slowly").len(), 1);
    eventually("the disk to be free", || on_disk(&served) == 0);
}

#[test]
fn files_of_clients_that_have_left_are_free() {
    let served = Served::start_patiently(settings(), app(Arc::default()));
    let mut clients: Vec<_> = (0..3).map(|_| served.connect_narrow()).collect();
    for client in &mut clients {
        client.ask("/large");
    }
    eventually("the responses", || on_disk(&served) > 3 * (UNREAD as u64 / 2));
    clients.into_iter().for_each(Client::reset);
    served.wait_for_connections(0);
    eventually("everything to be free", || in_memory(&served) + on_disk(&served) == 0);
}

#[test]
fn a_client_that_pipelines_and_reads_nothing_does_not_have_all_its_responses_kept() {
    const CLIENTS: usize = 10;
    const ASKED: usize = 30;
    let served = Served::start_patiently(settings(), app(Arc::default()));
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| served.connect_narrow()).collect();
    for client in &mut clients {
        client.send(&b"GET /large HTTP/1.1\r\nHost: t\r\n\r\n".repeat(ASKED));
    }
    let answered = || on_disk(&served) as usize / (UNREAD / 2);
    eventually("the first responses", || answered() >= CLIENTS);
    let busy = "maitred_threads_busy{worker=\"0\"}";
    eventually("all threads to be free", || served.metric(busy) == 0.0);
    // The next request is read as soon as the last response has been written, and may be read in the
    // moment before it is known that the client does not read that: but not while it is moved to the disk.
    assert!(on_disk(&served) < (3 * CLIENTS * UNREAD) as u64 / 2, "{} bytes", on_disk(&served));
    clients.into_iter().for_each(Client::reset);
    eventually("everything to be free", || in_memory(&served) + on_disk(&served) == 0);
}
