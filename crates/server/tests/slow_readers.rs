//! Tests of clients that do not read their responses.

mod support;

#[cfg(target_os = "linux")]
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use maitred_config::Settings;
use maitred_http_parser::exchange::{Chunk, Exchange, FileBody, Flow};
use support::{App, Client, End, Served, answer, eventually, finish, next, ok, settings};

/// More than all buffers of a connection hold.
const LARGE: usize = 50_000_000;

/// A large response: what stands at a place tells which place it is.
fn large() -> Bytes {
    let cycle: Vec<u8> = (0..=250).collect();
    let mut large = cycle.repeat(LARGE.div_ceil(cycle.len()));
    large.truncate(LARGE);
    large.into()
}

/// What a stream tells the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The client should take something before it goes on.
    Waits,
    /// All of it was given.
    Finished,
    /// Nobody is there any more.
    GivenUp,
}

/// Sends a large response in pieces.
fn stream(mut exchange: Exchange, large: &[u8], tell: &mpsc::Sender<Event>) -> Event {
    exchange.reply.head(ok());
    for piece in large.chunks(50_000) {
        match exchange.reply.chunk(Chunk::Borrowed(piece)) {
            Flow::Continue | Flow::Enough => {}
            Flow::Gone => return Event::GivenUp,
            Flow::Wait => {
                tell.send(Event::Waits).expect("the test listens");
                if exchange.reply.wait() == Flow::Gone {
                    return Event::GivenUp;
                }
            }
        }
    }
    finish(&mut *exchange.reply, Chunk::Borrowed(b""));
    Event::Finished
}

/// One thread, which streams at `/stream`, sends one large piece at `/bytes` and a file at
/// `/file`, and tells what came of a stream.
fn serve(settings: Settings) -> (Served, mpsc::Receiver<Event>) {
    let (tell, told) = mpsc::channel();
    let whole = large();
    let app = App::new(move |mut exchange| match exchange.head.path() {
        b"/stream" => {
            let end = stream(exchange, &whole, &tell);
            tell.send(end).expect("the test listens");
        }
        b"/bytes" => {
            exchange.reply.head(ok());
            finish(&mut *exchange.reply, Chunk::Owned(whole.clone()));
        }
        b"/file" => {
            let mut file = tempfile::tempfile().expect("a file");
            std::io::Write::write_all(&mut file, &whole).expect("room on the disk");
            exchange.reply.head(ok());
            let body = FileBody { file, offset: 0, length: whole.len() as u64, owner: None };
            assert_eq!(exchange.reply.file(body), Flow::Continue);
            finish(&mut *exchange.reply, Chunk::Borrowed(b""));
        }
        _ => answer(exchange, b"hello"),
    });
    let queue_timeout = Duration::from_secs(100_000);
    (
        Served::start_patiently(
            settings.with(|settings| {
                settings.limits.threads = 1;
                settings.timeouts.queue = queue_timeout;
            }),
            app,
        ),
        told,
    )
}

/// What has come of a stream.
fn end(told: &mpsc::Receiver<Event>) -> Event {
    loop {
        match next(told) {
            Event::Waits => {}
            end => return end,
        }
    }
}

/// Takes a large response to its end, and compares every byte.
fn take_all(client: &mut Client) {
    let answer = client.answer();
    assert_eq!((answer.status, answer.body.len()), (200, LARGE));
    assert!(answer.body == large(), "other bytes, or in another order");
}

/// The client reads now what it has not read for so long: what it gets must not look whole.
fn take_what_was_cut(client: &mut Client) {
    let (rest, end) = client.rest();
    assert!(rest.len() < LARGE, "it has got everything");
    assert_eq!(end, End::Reset);
}

#[test]
fn a_slow_client_gets_every_byte_in_order_while_its_thread_waits() {
    let (served, told) = serve(settings());
    let mut client = served.connect_narrow();
    client.ask("/stream");
    assert_eq!(next(&told), Event::Waits);
    take_all(&mut client);
    assert_eq!(end(&told), Event::Finished);
}

#[test]
fn the_thread_of_a_stream_that_nobody_reads_is_free_after_write_timeout() {
    let (served, told) = serve(settings().with(|settings| settings.limits.spool = 0));
    let mut slow = served.connect_narrow();
    slow.ask("/stream");
    let mut other = served.connect();
    other.ask("/");
    served.settle();
    eventually("the stream to be given up", || {
        served.clock.advance(Duration::from_secs(1));
        told.try_iter().any(|what| what == Event::GivenUp)
    });
    assert_eq!(other.answer().body, b"hello");
    take_what_was_cut(&mut slow);
    drop((slow, other));
    served.wait_for_connections(0);
}

#[test]
fn a_large_piece_that_nobody_reads_holds_no_thread_and_is_cut_off() {
    for path in ["/bytes", "/file"] {
        let (served, _) = serve(settings());
        let mut slow = served.connect_narrow();
        slow.ask(path);
        // The one thread is free though nothing has been read.
        assert_eq!(served.get("/").body, b"hello");
        eventually("the connection to be cut off", || {
            served.clock.advance(Duration::from_secs(1));
            served.running.connections() == 0
        });
        take_what_was_cut(&mut slow);
    }
}

/// Reads slowly enough that the socket of the server has no room for most of the time.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_reads_steadily_gets_everything_however_long_it_takes() {
    let (served, _) = serve(settings().with(|settings| {
        settings.timeouts.write = Duration::from_secs(20);
    }));
    let mut slow = served.connect_narrow();
    slow.ask("/bytes");
    served.settle();
    let mut got = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    for _ in 0..60 {
        let count = std::io::Read::read(&mut slow.stream, &mut piece).expect("it is being sent");
        got.extend_from_slice(&piece[..count]);
        served.clock.advance(Duration::from_secs(2));
        served.running.tick();
    }
    slow.half_close();
    let (rest, _) = slow.rest();
    got.extend(rest);
    assert!(got.ends_with(&large()), "{} bytes", got.len());
}

#[test]
fn a_client_that_took_long_for_its_answer_may_still_ask_again() {
    let (served, _) = serve(settings().with(|settings| {
        settings.timeouts.keep_alive = Duration::from_secs(40);
        settings.timeouts.header = Duration::from_secs(10);
    }));
    let mut slow = served.connect_narrow();
    slow.ask("/bytes");
    served.settle();
    served.clock.advance(Duration::from_secs(50));
    take_all(&mut slow);
    // When somebody else has been told to be late, the slow one has been looked at, too.
    let mut late = served.connect();
    late.send(b"GET");
    served.settle();
    served.advance_until_heard(&mut late, Duration::from_secs(11));
    assert_eq!(late.answer().status, 408);
    slow.ask("/");
    assert_eq!(slow.answer().body, b"hello");
}

#[test]
fn a_large_piece_reaches_a_client_that_reads() {
    let (served, _) = serve(settings());
    let mut client = served.connect_narrow();
    for path in ["/bytes", "/file", "/bytes"] {
        client.ask(path);
        take_all(&mut client);
    }
}

#[test]
fn others_are_served_while_a_large_response_goes_out() {
    let (served, _) = serve(settings());
    let mut large = served.connect();
    large.ask("/file");
    std::thread::scope(|scope| {
        scope.spawn(|| take_all(&mut large));
        for _ in 0..200 {
            assert_eq!(served.get("/").body, b"hello");
        }
    });
}

/// Temporary files in `folder` that this process has open.
#[cfg(target_os = "linux")]
fn open_files_in(folder: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").expect("procfs");
    links
        .filter_map(|link| std::fs::read_link(link.ok()?.path()).ok())
        .filter(|target| target.starts_with(folder))
        .count()
}

#[cfg(target_os = "linux")]
#[test]
fn what_overflows_memory_goes_to_temporary_files_that_vanish() {
    let folder = tempfile::tempdir().expect("a folder");
    let (served, told) = serve(settings().with(|settings| {
        settings.application.temp_dir = Some(folder.path().to_owned());
        settings.limits.outbuf_overflow = 1_000_000;
        settings.limits.outbuf_high_watermark = 40_000_000;
    }));
    let mut client = served.connect_narrow();
    client.ask("/stream");
    eventually("output on the disk", || open_files_in(folder.path()) > 0);
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0, "it has a name");
    take_all(&mut client);
    assert_eq!(end(&told), Event::Finished);
    eventually("the files to be closed", || open_files_in(folder.path()) == 0);
}

#[test]
fn where_no_disk_takes_it_output_stays_in_memory_below_the_high_watermark() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let (served, told) =
        serve(settings().with(|settings| settings.application.temp_dir = Some(path)));
    folder.close().expect("it is empty");
    let mut client = served.connect_narrow();
    client.ask("/stream");
    take_all(&mut client);
    assert_eq!(end(&told), Event::Finished);
}

#[test]
fn a_client_that_asks_and_never_reads_is_not_answered_into_memory() {
    let (asked, count) = (Arc::new(()), 200);
    let token = asked.clone();
    let megabyte = Bytes::from(vec![b'x'; 1_000_000]);
    let app = App::new(move |mut exchange| {
        // Each answer in memory holds one reference.
        let held = Held { bytes: megabyte.clone(), _token: token.clone() };
        exchange.reply.head(ok());
        finish(&mut *exchange.reply, Chunk::Owned(Bytes::from_owner(held)));
    });
    let served = Served::start_patiently(settings(), app);
    let mut client = served.connect_narrow();
    client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n".repeat(count).as_bytes());
    for _ in 0..50 {
        served.settle();
    }
    let waiting = Arc::strong_count(&asked) - 2;
    assert!(waiting < 10, "{waiting} answers wait in memory");
    for _ in 0..count {
        assert_eq!(client.answer().body.len(), 1_000_000);
    }
}

/// Bytes that are counted.
struct Held {
    bytes: Bytes,
    _token: Arc<()>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
