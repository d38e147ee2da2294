//! The decoder as a connection sees it.

use super::*;

/// A decoder with the default limits.
fn decoder() -> Decoder {
    Decoder::new(Arc::new(Limits::default()))
}

/// Everything that `decoder` makes of `input`, as text.
fn told(decoder: &mut Decoder, mut input: &[u8]) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        told.push(match decoder.decode(&mut input) {
            Decoded::Incomplete => return told,
            Decoded::Head(head) => {
                format!("{} {}", head.method(), String::from_utf8_lossy(head.target()))
            }
            Decoded::Body(body) => format!("body {}", String::from_utf8_lossy(body)),
            Decoded::End => "end".into(),
            Decoded::Rejected(rejection) => {
                told.push(rejection.name().into());
                return told;
            }
        });
    }
}

#[test]
fn requests_follow_each_other_in_one_segment() {
    let input = b"POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
                  \r\nPUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.0\r\n\r\nG";
    let mut decoder = decoder();
    assert_eq!(
        told(&mut decoder, input),
        ["POST /1", "body abc", "end", "PUT /2", "body hi", "end", "GET /3", "end"]
    );
    assert_eq!(decoder.progress(), Progress::Head);
}

#[test]
fn nothing_is_held_between_requests() {
    let mut decoder = decoder();
    assert_eq!(told(&mut decoder, b"GET / HTTP/1.1\r\nHo"), [""; 0]);
    assert!(decoder.held_bytes() > 0);
    assert_eq!(told(&mut decoder, b"st: a\r\n\r\n\r\n"), ["GET /", "end"]);
    assert_eq!((decoder.held_bytes(), decoder.progress()), (0, Progress::Between));
}

#[test]
fn a_refusal_is_final() {
    let mut decoder = decoder();
    assert_eq!(told(&mut decoder, b"HEAD / HTTP/1.1\r\n\r\n"), ["host"]);
    assert_eq!(told(&mut decoder, b"GET / HTTP/1.0\r\n\r\n"), ["host"]);
    assert_eq!(decoder.progress(), Progress::Rejected);
    assert!(decoder.is_head_method());
}

#[test]
fn a_body_may_be_received_without_passing_through() {
    let mut decoder = decoder();
    let input = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab";
    assert_eq!(told(&mut decoder, input), ["PUT /", "body ab"]);
    assert_eq!(decoder.body_remaining(), Some(3));
    decoder.body_received(3);
    assert_eq!(told(&mut decoder, b""), ["end"]);
}
