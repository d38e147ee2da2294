//! Tests that a request ends with its response, in whatever pieces the application gave it: each shape
//! of a response is tried against each thing that waits for the end of one.

mod support;

use std::io::Write as _;
use std::path::Path;

use maitred_config::{AccessLogFormat, AccessLogTarget, Settings};
use maitred_http_parser::exchange::{Chunk, Exchange, FileBody, Flow};
use maitred_http_parser::message::ResponseHead;
use support::{App, Client, Served, eventually, ok, settings};

/// What becomes of the connection after the response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    KeepAlive,
    Close,
}

/// One way to ask, and one to answer.
struct Shape {
    name: &'static str,
    /// The method and the version.
    request: (&'static str, &'static str),
    respond: fn(Exchange),
    /// The length of the body that the client gets.
    length: usize,
    after: After,
}

const TEN: usize = 10;
const MEBIBYTE: usize = 1 << 20;

/// The shapes that end with their last byte in different places. The first ones differ in what comes
/// when the declared length has been reached, the others in how the end is known.
const SHAPES: [Shape; 20] = [
    get("one chunk at the end", |exchange| declared(exchange, &[], b"0123456789")),
    get("the length is reached before the end", |exchange| {
        declared(exchange, &[b"0123456789"], b"");
    }),
    get("several chunks", |exchange| declared(exchange, &[b"012", b"3456", b"789"], b"")),
    get("several chunks and a last one", |exchange| {
        declared(exchange, &[b"012", b"3456"], b"789");
    }),
    get("an empty chunk at last", |exchange| declared(exchange, &[b"0123456789", b""], b"")),
    get("more than was declared", |exchange| declared(exchange, &[b"0123456789", b"more"], b"")),
    get("more than was declared, at last", |exchange| {
        declared(exchange, &[b"0123456789"], b"more")
    }),
    get("one chunk without a length", |exchange| undeclared(exchange, &[], b"0123456789")),
    get("chunked", |exchange| undeclared(exchange, &[b"012", b"3456", b"789"], b"")),
    get("chunked, with an empty chunk", |exchange| {
        undeclared(exchange, &[b"01234", b"56789", b""], b"");
    }),
    Shape {
        length: MEBIBYTE,
        ..get("a mebibyte in pieces", |exchange| mebibyte(exchange, with_length(MEBIBYTE)))
    },
    Shape { length: MEBIBYTE, ..get("a mebibyte, chunked", |exchange| mebibyte(exchange, ok())) },
    get("a file", |exchange| file(exchange, b"0123456789")),
    none("HEAD", "HEAD", |exchange| declared(exchange, &[b"0123456789"], b"")),
    none("HEAD, chunked", "HEAD", |exchange| undeclared(exchange, &[b"01234", b"56789"], b"")),
    none("HEAD of a file", "HEAD", |exchange| file(exchange, b"0123456789")),
    none("204", "GET", |exchange| bodiless(exchange, b"204 No Content")),
    none("304", "GET", |exchange| bodiless(exchange, b"304 Not Modified")),
    Shape {
        request: ("GET", "HTTP/1.0\r\nConnection: keep-alive"),
        ..get("HTTP/1.0 that keeps the connection", |exchange| {
            declared(exchange, &[b"0123456789"], b"");
        })
    },
    Shape {
        request: ("GET", "HTTP/1.0"),
        after: After::Close,
        ..get("HTTP/1.0 that ends with the connection", |exchange| {
            undeclared(exchange, &[b"01234", b"56789"], b"");
        })
    },
];

const fn get(name: &'static str, respond: fn(Exchange)) -> Shape {
    Shape { name, request: ("GET", "HTTP/1.1"), respond, length: TEN, after: After::KeepAlive }
}

/// A response without a body.
const fn none(name: &'static str, method: &'static str, respond: fn(Exchange)) -> Shape {
    Shape { length: 0, request: (method, "HTTP/1.1"), ..get(name, respond) }
}

/// Declares ten bytes, and gives the chunks one after the other.
fn declared(exchange: Exchange, chunks: &[&[u8]], last: &[u8]) {
    respond(exchange, with_length(TEN), chunks, last);
}

/// Gives the chunks without having declared their length.
fn undeclared(exchange: Exchange, chunks: &[&[u8]], last: &[u8]) {
    respond(exchange, ok(), chunks, last);
}

/// Gives a mebibyte in pieces.
fn mebibyte(exchange: Exchange, head: ResponseHead) {
    let piece: &[u8] = &[b'x'; MEBIBYTE / 16];
    respond(exchange, head, &[piece; 16], b"");
}

fn with_length(length: usize) -> ResponseHead {
    let mut head = ok();
    head.push(b"Content-Length", length.to_string().as_bytes()).expect("a valid field");
    head
}

/// A status that has no body, with a chunk, which an application may give all the same.
fn bodiless(exchange: Exchange, status: &[u8]) {
    let head = ResponseHead::new(status).expect("a valid status");
    respond(exchange, head, &[b"0123456789"], b"");
}

fn respond(mut exchange: Exchange, head: ResponseHead, chunks: &[&[u8]], last: &[u8]) {
    exchange.reply.head(head);
    for chunk in chunks {
        if exchange.reply.chunk(Chunk::Borrowed(chunk)) == Flow::Wait {
            let _ = exchange.reply.wait();
        }
    }
    let _ = exchange.reply.finish(Chunk::Borrowed(last));
}

fn file(mut exchange: Exchange, content: &[u8]) {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(content).expect("a disk");
    exchange.reply.head(with_length(TEN));
    let _ = exchange.reply.file(FileBody {
        file,
        offset: 0,
        length: content.len() as u64,
        owner: None,
    });
    let _ = exchange.reply.finish(Chunk::Borrowed(b""));
}

const IN_PROGRESS: &str = "maitred_requests_in_progress{worker=\"0\"}";
const STATES: [&str; 5] = ["idle", "reading", "queued", "app", "writing"];

/// A server whose clock stands still: whatever it does by itself, it does because of what happened.
fn serve(shape: &Shape, settings: Settings) -> Served {
    Served::start_patiently(settings, App::new(shape.respond))
}

/// Asks once, and takes the answer.
fn ask(client: &mut Client, shape: &Shape) {
    let (method, version) = shape.request;
    client.send(format!("{method} / {version}\r\nHost: t\r\n\r\n").as_bytes());
    let answer = if shape.length == 0 { client.head() } else { client.answer() };
    assert_eq!(answer.body.len(), shape.length, "{}", shape.name);
    assert_eq!(shape.after == After::Close, answer.head.contains("Connection: close"));
}

/// The requests that have been counted, whatever their method and status.
fn counted(served: &Served) -> f64 {
    let scrape = served.telemetry.scrape();
    let series = scrape.lines().filter(|line| line.starts_with("maitred_requests_total{"));
    series.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// The connections in each state.
fn states(served: &Served) -> Vec<f64> {
    let state = |name| format!("maitred_connections{{worker=\"0\",state=\"{name}\"}}");
    STATES.iter().map(|name| served.metric(&state(name))).collect()
}

#[test]
fn a_response_of_any_shape_is_counted_before_the_next_request_comes() {
    for shape in &SHAPES {
        let served = serve(shape, settings());
        let mut client = served.connect();
        for count in 1..=3 {
            ask(&mut client, shape);
            eventually(&format!("the count: {}", shape.name), || {
                counted(&served) == f64::from(count)
            });
            let idle = f64::from(u8::from(shape.after == After::KeepAlive));
            eventually(&format!("a connection between requests: {}", shape.name), || {
                states(&served) == [idle, 0.0, 0.0, 0.0, 0.0]
            });
            assert_eq!(served.metric(IN_PROGRESS), 0.0, "{}", shape.name);
            if shape.after == After::Close {
                client = served.connect();
            }
        }
    }
}

#[test]
fn a_response_of_any_shape_is_logged_before_the_next_request_comes() {
    for shape in &SHAPES {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("access.log");
        let settings = settings().with(|settings| {
            settings.observability.access_log = Some(AccessLogTarget::File(path.clone()));
            settings.observability.access_log_format =
                AccessLogFormat::parse("%(s)s %(B)s").expect("a pattern");
        });
        let served = serve(shape, settings);
        let mut client = served.connect();
        for count in 1..=2 {
            ask(&mut client, shape);
            eventually(&format!("the log line: {}", shape.name), || lines(&path) == count);
            if shape.after == After::Close {
                client = served.connect();
            }
        }
    }
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[test]
fn a_response_of_any_shape_holds_up_no_drain() {
    for shape in &SHAPES {
        let served = serve(shape, settings());
        let mut client = served.connect();
        ask(&mut client, shape);
        // The connection stays open, and graceful-timeout never passes.
        served.running.drain();
        assert!(client.is_closed(), "{}", shape.name);
        served.wait_for_connections(0);
    }
}

#[test]
fn a_response_of_any_shape_leaves_a_connection_that_a_newcomer_replaces() {
    for shape in &SHAPES {
        let served = serve(shape, settings().with(|settings| settings.limits.connections = 1));
        let stays = u8::from(shape.after == After::KeepAlive);
        let mut before: Option<Client> = None;
        for _ in 0..3 {
            let mut client = served.connect();
            ask(&mut client, shape);
            if let Some(mut before) = before.replace(client) {
                assert!(before.is_closed(), "{}", shape.name);
            }
            served.until_idle(stays);
            served.wait_for_connections(stays.into());
        }
    }
}
