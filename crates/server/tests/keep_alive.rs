//! Tests of several requests on one connection.

mod support;

use std::sync::{Arc, Mutex};

use maitred_http_parser::exchange::{Body, Chunk, Flow};
use maitred_http_parser::message::ResponseHead;
use support::{App, Served, answer, ok, settings};

fn echo() -> Arc<App> {
    App::new(|mut exchange| {
        let mut said = exchange.head.path().to_vec();
        match &mut exchange.body {
            Body::Empty => {}
            Body::Memory(bytes) => said.extend_from_slice(bytes),
            Body::File { file, .. } => {
                std::io::Read::read_to_end(file, &mut said).expect("the file can be read");
            }
        }
        answer(exchange, &said);
    })
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let served = Served::start(settings(), echo());
    let mut client = served.connect();
    for number in 0..50 {
        client.send(format!("GET /{number} HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes());
        let answer = client.answer();
        assert_eq!((answer.status, answer.body), (200, format!("/{number}").into_bytes()));
    }
}

#[test]
fn a_response_without_a_body_wants_no_more_of_it_than_a_chunk_and_keeps_the_connection() {
    let flows = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&flows);
    let app = App::new(move |mut exchange| {
        let status =
            if exchange.head.path() == b"/304" { &b"304 Not Modified"[..] } else { b"200 OK" };
        exchange.reply.head(ResponseHead::new(status).expect("a valid status"));
        let flow = exchange.reply.chunk(Chunk::Borrowed(b"chunk"));
        seen.lock().expect("no test panics in here").push(flow);
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    });
    let served = Served::start(settings(), app);
    let mut client = served.connect();
    for request in ["HEAD / HTTP/1.1", "GET /304 HTTP/1.1"] {
        client.send(format!("{request}\r\nHost: t\r\n\r\n").as_bytes());
        let head = client.head().head;
        assert!(!head.contains("Content-Length") && !head.contains("Transfer-Encoding"), "{head}");
    }
    client.ask("/");
    assert_eq!(client.answer().body, b"chunk");
    let flows = flows.lock().expect("no test panics in here");
    assert_eq!(*flows, [Flow::Enough, Flow::Enough, Flow::Continue]);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let served = Served::start(settings(), echo());
    let mut client = served.connect();
    let requests: String =
        (0..1000).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: t\r\n\r\n")).collect();
    client.send(requests.as_bytes());
    for number in 0..1000 {
        assert_eq!(client.answer().body, format!("/{number}").into_bytes());
    }
}

#[test]
fn bodies_of_every_size_arrive_whole() {
    let served = Served::start(settings(), echo());
    let mut client = served.connect();
    for size in [0usize, 1, 1000, 32 * 1024, 100_000, 524_288, 524_289, 5_000_000] {
        let body: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
        client.send(
            format!("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {size}\r\n\r\n").as_bytes(),
        );
        client.send(&body);
        let answer = client.answer();
        assert_eq!(answer.body.len(), size + 1);
        assert!(answer.body[1..] == body, "another body of {size} bytes");

        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
        for piece in body.chunks(70_000) {
            client.send(format!("{:x}\r\n", piece.len()).as_bytes());
            client.send(piece);
            client.send(b"\r\n");
        }
        client.send(b"0\r\n\r\n");
        assert!(client.answer().body[1..] == body, "another chunked body of {size} bytes");
    }
}

#[test]
fn a_stream_without_a_length_is_chunked_and_keeps_the_connection() {
    let served = Served::start(
        settings(),
        App::new(|mut exchange| {
            exchange.reply.head(ok());
            for number in 0..100 {
                let piece = format!("piece {number};");
                let _ = exchange.reply.chunk(Chunk::Borrowed(piece.as_bytes()));
            }
            let _ = exchange.reply.finish(Chunk::Borrowed(b"end"));
        }),
    );
    let mut client = served.connect();
    for _ in 0..3 {
        client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n");
        let answer = client.answer();
        assert!(answer.head.contains("Transfer-Encoding: chunked"), "{}", answer.head);
        assert!(answer.body.ends_with(b"piece 99;end"));
    }
}
