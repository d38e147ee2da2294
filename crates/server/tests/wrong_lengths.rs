//! Tests that a response with a wrong Content-Length is logged.

mod support;

#[path = "support/log.rs"]
mod log;

use maitred_http_parser::exchange::{Chunk, Exchange, FileBody};
use support::{App, Served, eventually, ok, settings};

/// The log after a request that declares 8 bytes and is answered so: each test looks for
/// what only it causes.
fn said(respond: fn(&mut Exchange), part: &str) -> Vec<String> {
    log::listen();
    let app = App::new(move |mut exchange| {
        let mut head = ok();
        head.push(b"Content-Length", b"8").expect("a valid field");
        exchange.reply.head(head);
        respond(&mut exchange);
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    });
    let served = Served::start(settings(), app);
    let mut client = served.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    client.rest();
    // A request for a head alone is owed no body: what is given for it is in order.
    let mut client = served.connect();
    client.send(b"HEAD / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    client.rest();
    eventually("two requests", || served.telemetry.requests() == 2);
    log::lines_with(part)
}

#[test]
fn a_body_longer_than_declared_is_told_once_with_what_was_left_out() {
    let lines = said(
        |exchange| {
            for chunk in [&b"whole"[..], b"parts", b"more", b"most"] {
                let _ = exchange.reply.chunk(Chunk::Borrowed(chunk));
            }
        },
        "more than the Content-Length",
    );
    assert_eq!(lines.len(), 1, "{lines:?}");
    let expected = "WARN maitred the application wrote 10 bytes more than the Content-Length it";
    assert!(lines[0].starts_with(expected), "{lines:?}");
}

#[test]
fn a_body_shorter_than_declared_is_told_with_what_is_missing() {
    let lines = said(
        |exchange| {
            let _ = exchange.reply.chunk(Chunk::Borrowed(b"part"));
        },
        "fewer than the Content-Length",
    );
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("wrote 4 bytes fewer"), "{lines:?}");
    assert!(lines[0].contains("method=\"GET\" path=\"/\""), "{lines:?}");
}

#[test]
fn a_file_that_became_shorter_is_told_with_what_is_missing() {
    let lines = said(
        |exchange| {
            let file = tempfile::tempfile().expect("a file");
            file.set_len(3).expect("room on the disk");
            let _ = exchange.reply.file(FileBody { file, offset: 0, length: 8, owner: None });
        },
        "shrank while",
    );
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("ERROR maitred a file"), "{lines:?}");
    assert!(lines[0].contains("5 bytes of the response are missing"), "{lines:?}");
}
