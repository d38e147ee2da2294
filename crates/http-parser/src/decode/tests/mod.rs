//! Tests of the decoder.

mod chunks;
mod cost;
mod cuts;
mod framing;
mod heads;
mod limits;

use std::sync::Arc;

use super::*;
use crate::message::Version;

/// A decoder with the default limits.
fn decoder() -> Decoder {
    Decoder::new(Arc::new(Limits::default()))
}

/// A decoder with other limits.
fn limited(change: impl FnOnce(&mut Limits)) -> Decoder {
    let mut limits = Limits::default();
    change(&mut limits);
    Decoder::new(Arc::new(limits))
}

/// Everything that `decoder` makes of `input`, as text: method and target of a head, `=` and a
/// piece of a body, `end`, the name of a refusal.
fn told(decoder: &mut Decoder, input: impl AsRef<[u8]>) -> Vec<String> {
    let mut input = input.as_ref();
    let mut told = Vec::new();
    loop {
        told.push(match decoder.decode(&mut input) {
            Decoded::Incomplete => {
                assert!(input.is_empty(), "`Incomplete` leaves nothing");
                return told;
            }
            Decoded::Head(head) => {
                format!("{} {}", head.method(), String::from_utf8_lossy(head.target()))
            }
            Decoded::Body(body) => format!("={}", String::from_utf8_lossy(body)),
            Decoded::End => "end".into(),
            Decoded::Rejected(rejection) => {
                told.push(rejection.name().into());
                return told;
            }
        });
    }
}

/// The head of `GET / HTTP/1.1` with a Host and these lines, or why it is refused.
fn head(lines: &str) -> Result<Arc<RequestHead>, Rejection> {
    first_head(&format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
}

/// The first head in `input`, or why it is refused.
fn first_head(input: &str) -> Result<Arc<RequestHead>, Rejection> {
    match decoder().decode(&mut input.as_bytes()) {
        Decoded::Head(head) => Ok(head),
        Decoded::Rejected(rejection) => Err(rejection),
        other => panic!("{other:?} of {input:?}"),
    }
}

/// How the first request in `input` is refused.
fn refusal(input: &str) -> Rejection {
    first_head(input).expect_err(input)
}

#[test]
fn requests_follow_each_other_in_one_segment() {
    let input = "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
                 \r\nPUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.0\r\n\r\nG";
    let mut decoder = decoder();
    assert_eq!(
        told(&mut decoder, input),
        ["POST /1", "=abc", "end", "PUT /2", "=hi", "end", "GET /3", "end"]
    );
    assert_eq!(decoder.progress(), Progress::Head);
}

#[test]
fn the_next_request_is_left_alone_until_it_is_asked_for() {
    let mut input = &b"GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n"[..];
    let mut decoder = decoder();
    assert!(matches!(decoder.decode(&mut input), Decoded::Head(_)));
    assert!(matches!(decoder.decode(&mut input), Decoded::End));
    assert_eq!(input, b"GET /2 HTTP/1.0\r\n\r\n");
    assert_eq!(decoder.progress(), Progress::Between);
}

#[test]
fn nothing_is_held_between_requests() {
    let mut decoder = decoder();
    assert_eq!(told(&mut decoder, "POST / HTTP/1.1\r\nHo"), [""; 0]);
    assert!(decoder.held_bytes() > 0);
    let rest = "st: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n";
    assert_eq!(told(&mut decoder, rest), ["POST /"]);
    assert!(decoder.held_bytes() > 0);
    assert_eq!(told(&mut decoder, "\r\n\r\n"), ["end"]);
    assert_eq!((decoder.held_bytes(), decoder.progress()), (0, Progress::Between));
}

#[test]
fn a_refusal_is_final() {
    let mut decoder = decoder();
    assert_eq!(told(&mut decoder, "HEAD / HTTP/1.1\r\n\r\n"), ["host"]);
    assert_eq!(told(&mut decoder, "GET / HTTP/1.0\r\n\r\n"), ["host"]);
    assert_eq!(decoder.progress(), Progress::Rejected);
}

#[test]
fn a_refused_head_request_is_known_as_one() {
    for (input, is_head) in [
        ("HEAD / HTTP/1.1\r\n\r\n", true),
        ("HEAD / HTTP/1.1\r\nX : 1\r\n\r\n", true),
        ("HEAD * HTTP/1.1\r\n", true),
        ("HEAD /a\n", true), // refused before its line has ended
        ("HEAD\t/ HTTP/1.1\r\n", false),
        ("HEADS / HTTP/1.1\r\n\r\n", false),
        ("head / HTTP/1.1\r\n\r\n", false),
        ("GET / HTTP/1.1\r\n\r\n", false),
        ("HEAD / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n", false),
    ] {
        let mut decoder = decoder();
        told(&mut decoder, input);
        assert_eq!(decoder.is_head_method(), is_head, "{input:?}");
    }
}

#[test]
fn the_request_line_of_a_head_that_is_no_request_is_known_for_the_log() {
    let line = "PUT /a?b HTTP/1.0\r\n";
    for (input, known) in [
        (format!("\r\n{line}X : 1\r\n\r\n"), true),
        (format!("{line}Content-Length: x\r\n\r\nbody"), true),
        (format!("GET /a HTTP/1.0\r\n\r\n{line}a\nb"), true),
        (format!("{line}Host"), true),
        (line.to_owned(), true),
        ("PUT /a?b HTTP/1.0\r".to_owned(), false),
        ("PUT /a?b HTTP/3.0\r\n\r\n".to_owned(), false),
        ("".to_owned(), false),
        (format!("{line}Content-Length: 1\r\n\r\n"), false), // it was given already
    ] {
        for size in [1, 7, input.len().max(1)] {
            let mut decoder = decoder();
            input.as_bytes().chunks(size).for_each(|piece| drop(told(&mut decoder, piece)));
            let head = decoder.take_known_head();
            assert_eq!(head.is_some(), known, "{input:?}");
            let Some(head) = head else { continue };
            assert_eq!((head.method(), head.target()), ("PUT", &b"/a?b"[..]), "{input:?}");
            assert_eq!((head.version(), head.fields().count()), (Version::Http10, 0));
        }
    }
}

#[test]
fn a_body_may_be_received_without_passing_through() {
    let mut decoder = decoder();
    let input = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab";
    assert_eq!(told(&mut decoder, input), ["PUT /", "=ab"]);
    assert_eq!(decoder.body_remaining(), Some(3));
    decoder.body_received(3);
    assert_eq!(told(&mut decoder, ""), ["end"]);
    assert_eq!(decoder.body_remaining(), None);
}
