//! Tests of body framing.

use super::*;
use crate::message::BodyFraming;

fn framing(lines: &str) -> Result<BodyFraming, Rejection> {
    head(lines).map(|head| head.framing())
}

#[test]
fn a_length_is_one_line_of_digits() {
    let padded = format!("{:0100}", 5);
    for (value, length) in
        [("0", 0), ("5", 5), ("005", 5), ("010", 10), (" 7 \t", 7), (&*padded, 5)]
    {
        let line = format!("Content-Length: {value}\r\n");
        assert_eq!(framing(&line), Ok(BodyFraming::Length(length)), "{value:?}");
    }
    for value in [
        "",
        "+5",
        "-5",
        "0x5",
        "5 5",
        "1_0",
        "5.0",
        "5,",
        "5, 5",
        "5,6",
        "\"5\"",
        "5;",
        "five",
        "\u{665}",
        &format!("{:0101}", 5),
    ] {
        let line = format!("Content-Length: {value}\r\n");
        assert_eq!(framing(&line), Err(Rejection::ContentLength), "{value:?}");
    }
    for again in ["5", "6", "05", ""] {
        let lines = format!("Content-Length: 5\r\nX: 1\r\ncontent-length: {again}\r\n");
        assert_eq!(framing(&lines), Err(Rejection::ContentLength), "{again:?}");
    }
    assert_eq!(framing(""), Ok(BodyFraming::None));
}

#[test]
fn a_length_that_no_number_holds_is_too_large_and_never_wraps() {
    for value in ["18446744073709551615", "18446744073709551621", &"9".repeat(200)] {
        let line = format!("Content-Length: {value}\r\n");
        assert_eq!(framing(&line), Err(Rejection::BodyTooLarge), "{value:?}");
    }
}

#[test]
fn chunked_is_the_only_coding_and_stands_alone() {
    for value in ["chunked", "CHUNKED", ",chunked", "chunked,", " , chunked ,, "] {
        let line = format!("Transfer-Encoding: {value}\r\n");
        assert_eq!(framing(&line), Ok(BodyFraming::Chunked), "{value:?}");
    }
    let lines = "Transfer-Encoding:\r\nX: 1\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(framing(lines), Ok(BodyFraming::Chunked));
    for value in ["gzip", "identity", "gzip, chunked", "chunked, gzip", "xchunked", "chunke"] {
        let line = format!("Transfer-Encoding: {value}\r\n");
        assert_eq!(framing(&line), Err(Rejection::UnknownCoding), "{value:?}");
    }
    for value in [
        "",
        ",",
        ", ,",
        "chunked, chunked",
        "chunked;q=1",
        "chunked;",
        "foo;chunked",
        "\"chunked\"",
        "chunked foo",
        "=chunked",
        "chunked/1",
        "\u{a0}chunked",
        "chunked\u{85}",
        "chunked, chunked, gzip",
    ] {
        let line = format!("Transfer-Encoding: {value}\r\n");
        assert_eq!(framing(&line), Err(Rejection::TransferEncoding), "{value:?}");
    }
    let twice = "Transfer-Encoding: chunked\r\nX: 1\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(framing(twice), Err(Rejection::TransferEncoding));
}

#[test]
fn a_request_with_both_length_and_chunked_is_refused() {
    for coding in ["chunked", "", "gzip", "xchunked", "chunked, chunked"] {
        for length in ["5", "0", "x", "18446744073709551621"] {
            let lines = format!("Transfer-Encoding: {coding}\r\nContent-Length: {length}\r\n");
            assert_eq!(framing(&lines), Err(Rejection::LengthAndChunked), "{lines:?}");
            let lines = format!("content-length: {length}\r\ntransfer-encoding: {coding}\r\n");
            assert_eq!(framing(&lines), Err(Rejection::LengthAndChunked), "{lines:?}");
        }
    }
}

#[test]
fn a_coding_is_refused_on_1_0() {
    let input = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(refusal(input), Rejection::TransferEncoding);
}

#[test]
fn any_method_may_have_a_body() {
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "POST"] {
        let input = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcG");
        assert_eq!(told(&mut decoder(), input)[1..], ["=abc", "end"], "{method}");
    }
}
