//! Tests that a request ends with its response, in whatever pieces the application gave it.

mod support;

use maitred_http_parser::exchange::{Chunk, Exchange, Flow};
use support::{App, Client, Served, ok, settings};

/// How an application answers.
type Respond = fn(Exchange);

/// Ways to answer with the ten bytes `0123456789`.
const SHAPES: [(&str, Respond); 5] = [
    ("one chunk at the end", |exchange| respond(exchange, &[], b"0123456789")),
    ("the length is reached before the end", |exchange| respond(exchange, &[b"0123456789"], b"")),
    ("several chunks", |exchange| respond(exchange, &[b"012", b"3456", b"789"], b"")),
    ("an empty chunk at last", |exchange| respond(exchange, &[b"0123456789", b""], b"")),
    ("more than was declared", |exchange| respond(exchange, &[b"0123456789", b"more"], b"")),
];

/// Declares ten bytes, and gives the chunks one after the other.
fn respond(mut exchange: Exchange, chunks: &[&[u8]], last: &[u8]) {
    let mut head = ok();
    head.push(b"Content-Length", b"10").expect("a valid field");
    exchange.reply.head(head);
    for chunk in chunks {
        if exchange.reply.chunk(Chunk::Borrowed(chunk)) == Flow::Wait {
            let _ = exchange.reply.wait();
        }
    }
    exchange.reply.finish(Chunk::Borrowed(last));
}

fn serve(shape: fn(Exchange)) -> (Served, Client) {
    let served = Served::start(settings(), App::new(shape));
    let client = served.connect();
    (served, client)
}

const COUNTED: &str = "maitred_requests_total{worker=\"0\",method=\"GET\",code=\"200\"}";
const IDLE: &str = "maitred_connections{worker=\"0\",state=\"idle\"}";
const IN_PROGRESS: &str = "maitred_requests_in_progress{worker=\"0\"}";

#[test]
fn a_response_of_any_shape_ends_its_request_before_the_next_one_comes() {
    for (shape, respond) in SHAPES {
        let (served, mut client) = serve(respond);
        for count in 1..=3 {
            client.ask("/");
            assert_eq!(client.answer().body, b"0123456789", "{shape}");
            served.until(COUNTED, f64::from(count));
            served.until(IDLE, 1.0);
            assert_eq!(served.metric(IN_PROGRESS), 0.0, "{shape}");
        }
    }
}
