//! What is cut short never looks whole: neither a request to the application, nor a response to
//! the client.

mod support;

#[path = "support/log.rs"]
mod log;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use maitred_http_parser::ApplicationFault;
use maitred_http_parser::exchange::{Chunk, Exchange, FileBody, Flow};
use support::{App, End, Gate, Opens, Served, answer, eventually, ok, settings};

#[test]
fn a_request_cut_at_any_place_never_reaches_the_application() {
    let called = Arc::new(AtomicUsize::new(0));
    let count = called.clone();
    let app = App::new(move |exchange| {
        count.fetch_add(1, Ordering::Relaxed);
        answer(exchange, b"hello");
    });
    let served = Served::start(settings(), app);
    for whole in [
        "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde",
        "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\
         5;x\r\nabcde\r\n0\r\nT: x\r\n\r\n",
    ] {
        for cut in 1..whole.len() {
            let mut client = served.connect();
            client.send(&whole.as_bytes()[..cut]);
            client.half_close();
            assert_eq!(client.answer().status, 400, "cut at {cut} of {whole:?}");
            assert_eq!(client.rest().1, End::Closed);
        }
        let mut client = served.connect();
        client.send(whole.as_bytes());
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(called.load(Ordering::Relaxed), 2, "half a request was taken for a whole one");
}

/// What a client of HTTP/1.1 and one of HTTP/1.0 get of a response; the latter takes the end of
/// the connection for the end of the body.
fn gets(respond: fn(Exchange)) -> Vec<(String, End)> {
    let served = Served::start(settings(), App::new(respond));
    ["GET / HTTP/1.1\r\nHost: t\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"]
        .map(|request| {
            let mut client = served.connect();
            client.send(request.as_bytes());
            let (rest, end) = client.rest();
            (String::from_utf8_lossy(&rest).into_owned(), end)
        })
        .into()
}

#[test]
fn a_response_that_fails_midway_never_looks_whole_and_is_reset_only_where_a_close_would() {
    let delimited_by_close = [End::Closed, End::Reset];
    for (fail, ends) in [
        (
            (|mut exchange: Exchange| {
                exchange.reply.head(ok());
                assert_eq!(exchange.reply.chunk(Chunk::Borrowed(b"half")), Flow::Continue);
                exchange.reply.fail(ApplicationFault::Dropped);
            }) as fn(Exchange),
            delimited_by_close,
        ),
        (
            |mut exchange| {
                exchange.reply.head(ok());
                assert_eq!(exchange.reply.chunk(Chunk::Borrowed(b"half")), Flow::Continue);
                drop(exchange);
            },
            delimited_by_close,
        ),
        (
            |mut exchange| {
                let mut head = ok();
                head.push(b"Content-Length", b"8").expect("a valid field");
                exchange.reply.head(head);
                assert_eq!(exchange.reply.chunk(Chunk::Borrowed(b"half")), Flow::Continue);
                exchange.reply.fail(ApplicationFault::Dropped);
            },
            [End::Closed, End::Closed],
        ),
    ] {
        for ((text, end), expected) in gets(fail).into_iter().zip(ends) {
            assert_eq!(end, expected, "{text}");
            assert!(!text.ends_with("0\r\n\r\n"), "{text}");
            if end == End::Closed {
                assert!(text.contains("half"), "what was given is delivered: {text}");
            }
        }
    }
}

#[test]
fn all_that_was_given_before_a_failure_reaches_a_client_that_reads_slowly() {
    const GIVEN: usize = 500_000;
    let app = App::new(|mut exchange| {
        exchange.reply.head(ok());
        for _ in 0..GIVEN / 10_000 {
            let _ = exchange.reply.chunk(Chunk::Borrowed(&[b'x'; 10_000]));
        }
        exchange.reply.fail(ApplicationFault::Dropped);
    });
    let served = Served::start(settings(), app);
    let mut client = served.connect_narrow();
    client.ask("/");
    // It reads only when the server has done with the request.
    eventually("the end of the request", || served.telemetry.requests() == 1);
    let (bytes, end) = client.rest();
    assert_eq!(bytes.iter().filter(|byte| **byte == b'x').count(), GIVEN);
    assert!(!bytes.ends_with(b"0\r\n\r\n"));
    assert_eq!(end, End::Closed);
}

#[test]
fn a_response_shorter_than_declared_is_not_made_up_for() {
    let ends = gets(|mut exchange| {
        let mut head = ok();
        head.push(b"Content-Length", b"8").expect("a valid field");
        exchange.reply.head(head);
        let _ = exchange.reply.finish(Chunk::Borrowed(b"half"));
    });
    for (text, end) in ends {
        assert!(text.contains("Content-Length: 8") && text.ends_with("\r\n\r\nhalf"), "{text}");
        assert_eq!(end, End::Closed);
    }
}

#[test]
fn a_failure_before_the_head_is_a_whole_500() {
    for fail in [
        (|mut exchange: Exchange| exchange.reply.fail(ApplicationFault::Dropped)) as fn(Exchange),
        drop,
        |mut exchange| {
            exchange.reply.head(ok());
            exchange.reply.fail(ApplicationFault::NotBytes("str".into()));
        },
    ] {
        for (text, end) in gets(fail) {
            assert!(text.contains(" 500 Internal Server Error\r\n"), "{text}");
            assert!(text.ends_with("(generated by maitred)"), "{text}");
            assert_eq!(end, End::Closed);
        }
    }
}

#[test]
fn a_file_that_became_shorter_does_not_look_whole() {
    log::listen();
    for (text, end) in gets(|mut exchange| {
        let file = tempfile::tempfile().expect("a file");
        file.set_len(1000).expect("room on the disk");
        exchange.reply.head(ok());
        // It says 2000: half of them have been cut off since it was looked at.
        let _ = exchange.reply.file(FileBody { file, offset: 0, length: 2000, owner: None });
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    }) {
        // The declared length shows that it is not whole.
        assert!(text.contains("Content-Length: 2000") && text.len() < 2000, "{text}");
        assert_eq!(end, End::Closed);
    }
    let lines = log::lines_with("a file shrank while it was being sent");
    assert!(!lines.is_empty() && !lines.iter().any(|line| line.contains("reset")), "{lines:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_the_servers_failure_and_does_not_look_whole() {
    log::listen();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("written");
    std::fs::write(&path, [b'x'; 2000]).expect("room on the disk");
    let app = App::new(move |mut exchange| {
        let file = std::fs::OpenOptions::new().write(true).open(&path).expect("it is there");
        exchange.reply.head(ok());
        let _ = exchange.reply.file(FileBody { file, offset: 0, length: 2000, owner: None });
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    });
    let served = Served::start(settings(), app);
    let mut client = served.connect();
    client.ask("/unreadable");
    let (bytes, end) = client.rest();
    assert!(bytes.len() < 2000, "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(end, End::Closed);
    let closed = |reason: &str| {
        format!("maitred_connections_closed_total{{worker=\"0\",reason=\"{reason}\"}}")
    };
    served.until(&closed("error"), 1.0);
    assert_eq!(served.metric(&closed("client")), 0.0);
    let left = "maitred_client_disconnects_total{worker=\"0\",stage=\"write\"}";
    assert_eq!(served.metric(left), 0.0);
    let lines = log::lines_with("a file could not be read while it was being sent");
    let [line] = &*lines else { panic!("{lines:?}") };
    assert!(line.starts_with("ERROR ") && line.contains("/unreadable"), "{line}");
    assert!(!line.contains("reset"), "{line}");
    assert_eq!(line.contains("file="), cfg!(target_os = "linux"), "{line}");
}

#[test]
fn a_whole_response_is_not_reset_when_the_server_ends_before_its_application_does() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let inside = gate.clone();
    let app = App::new(move |mut exchange| {
        let mut head = ok();
        head.push(b"Content-Length", b"5").expect("a valid field");
        exchange.reply.head(head);
        assert_eq!(exchange.reply.chunk(Chunk::Borrowed(b"whole")), Flow::Continue);
        inside.pass();
        let _ = exchange.reply.finish(Chunk::Borrowed(b""));
    });
    let served = Served::start(settings(), app);
    let mut client = served.connect();
    client.ask("/");
    gate.wait_for(1);
    served.running.kill();
    let (bytes, end) = client.rest();
    assert!(bytes.ends_with(b"\r\n\r\nwhole"));
    assert_eq!(end, End::Closed);
}

#[cfg(target_os = "linux")]
#[test]
fn a_response_that_the_end_of_the_server_cuts_off_is_reset_though_its_thread_is_stuck() {
    let gate = Gate::new();
    let _opens = Opens(gate.clone());
    let inside = gate.clone();
    let app = App::new(move |mut exchange| {
        exchange.reply.head(ok());
        assert_eq!(exchange.reply.chunk(Chunk::Borrowed(b"half")), Flow::Continue);
        inside.pass();
        let _ = exchange.reply.finish(Chunk::Borrowed(b"half"));
    });
    let served = Served::start(settings(), app);
    let mut client = served.connect();
    client.send(b"GET / HTTP/1.0\r\n\r\n");
    gate.wait_for(1);
    served.running.kill();
    assert_eq!(client.rest().1, End::Reset);
}
