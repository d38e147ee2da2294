//! Tests of every limit: the limit itself is accepted, one more is rejected.

use super::*;

/// Whether `input` is accepted when it comes whole, and that it is no other byte by byte.
fn answer(change: impl Fn(&mut Limits), input: &str) -> String {
    let whole = told(&mut limited(&change), input).pop().unwrap_or_default();
    let mut decoder = limited(&change);
    let mut dripped = String::new();
    for byte in input.bytes() {
        if let Some(told) = told(&mut decoder, [byte]).pop() {
            dripped = told;
        }
    }
    assert_eq!(whole, dripped, "{input:?}");
    whole
}

#[test]
fn a_head_may_be_as_long_as_the_limit() {
    let head = |length: usize| {
        let fixed = "GET / HTTP/1.0\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.0\r\nX: {}\r\n\r\n", "x".repeat(length - fixed))
    };
    let limit = |limits: &mut Limits| limits.head_bytes = 100;
    assert_eq!(answer(limit, &head(100)), "end");
    assert_eq!(answer(limit, &head(101)), "head_too_large");
    // Empty lines before it are a part of it.
    for (empty_lines, longest) in [("\r\n", 98), ("\r\n\r\n\r\n\r\n", 92)] {
        assert_eq!(answer(limit, &format!("{empty_lines}{}", head(longest))), "end");
        assert_eq!(answer(limit, &format!("{empty_lines}{}", head(longest + 1))), "head_too_large");
    }
    assert_eq!(answer(limit, &head(100)[..99]), "");
}

#[test]
fn a_target_may_be_as_long_as_the_limit() {
    let limit = |limits: &mut Limits| (limits.target_bytes, limits.head_bytes) = (10, 100);
    assert_eq!(answer(limit, "GET /234567890 HTTP/1.0\r\n\r\n"), "end");
    assert_eq!(answer(limit, "GET /2345678901 HTTP/1.0\r\n\r\n"), "target_too_long");
    assert_eq!(answer(limit, "GET /2345678901"), "target_too_long");
    let longer_than_any_head = format!("GET /{}", "a".repeat(200));
    assert_eq!(answer(limit, &longer_than_any_head), "target_too_long");
}

#[test]
fn a_method_may_be_as_long_as_the_limit() {
    let limit = |limits: &mut Limits| limits.method_bytes = 5;
    assert_eq!(answer(limit, "ABCDE / HTTP/1.0\r\n\r\n"), "end");
    assert_eq!(answer(limit, "ABCDEF / HTTP/1.0\r\n\r\n"), "method_too_long");
    assert_eq!(answer(limit, "ABCDEF"), "method_too_long");
    assert_eq!(answer(limit, "ABCDEFGH\n"), "method_too_long");
    assert_eq!(answer(limit, "ABCDE\r\n"), "request_line");
}

#[test]
fn there_may_be_as_many_fields_as_the_limit() {
    for limit in [3, 16, 17, 100, 101, 200] {
        let change = |limits: &mut Limits| limits.fields = limit;
        let head = |count| format!("GET / HTTP/1.0\r\n{}\r\n", "X: 1\r\n".repeat(count));
        assert_eq!(answer(change, &head(limit)), "end");
        assert_eq!(answer(change, &head(limit + 1)), "too_many_fields");
    }
}

#[test]
fn a_body_may_be_as_long_as_the_limit() {
    let limit = |limits: &mut Limits| limits.body_bytes = 10;
    let declared = |length: &str| {
        format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n0123456789")
    };
    assert_eq!(answer(limit, &declared("10")), "end");
    assert_eq!(told(&mut limited(limit), declared("11")), ["body_too_large"]);
    let chunked = |chunks: &str| {
        format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
    };
    assert_eq!(answer(limit, &chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")), "end");
    assert_eq!(answer(limit, &chunked("5\r\n01234\r\n6\r\n")), "body_too_large");
    assert_eq!(answer(limit, &chunked("b\r\n")), "body_too_large");
}

#[test]
fn chunk_lines_extensions_and_trailers_have_limits() {
    let chunked = |chunks: &str| {
        format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
    };
    let limit = |limits: &mut Limits| limits.chunk_line_bytes = 5;
    assert_eq!(answer(limit, &chunked("0;abc\r\n\r\n")), "end");
    assert_eq!(answer(limit, &chunked("0;abcd\r\n\r\n")), "chunk_extension");
    let limit = |limits: &mut Limits| limits.chunk_extension_bytes = 8;
    assert_eq!(answer(limit, &chunked("1;abc\r\nx\r\n0;abc\r\n\r\n")), "end");
    assert_eq!(answer(limit, &chunked("1;abc\r\nx\r\n0;abcd\r\n\r\n")), "chunk_extension");
    let limit = |limits: &mut Limits| limits.trailer_bytes = 8;
    assert_eq!(answer(limit, &chunked("0\r\nX: 1\r\n\r\n")), "end");
    assert_eq!(answer(limit, &chunked("0\r\nX: 12\r\n\r\n")), "trailer");
    let limit = |limits: &mut Limits| limits.fields = 3;
    assert_eq!(answer(limit, &chunked("0\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n")), "end");
    assert_eq!(answer(limit, &chunked("0\r\nX: 1\r\nX: 2\r\nX: 3\r\nX: 4\r\n\r\n")), "trailer");
}
