//! Tests of the cost of decoding, in bytes scanned or copied.

use super::*;
use crate::decode::cost;

/// Bytes looked at or copied when `input` comes in pieces of `piece` bytes.
fn cost(input: &[u8], piece: usize) -> usize {
    let mut decoder = limited(|limits| limits.fields = 10_000);
    cost::taken();
    for mut bytes in input.chunks(piece) {
        loop {
            match decoder.decode(&mut bytes) {
                Decoded::Incomplete => break,
                Decoded::Rejected(rejection) => panic!("{rejection}"),
                _ => {}
            }
        }
    }
    assert_eq!(decoder.progress(), Progress::Between);
    cost::taken()
}

/// Dripping `input` looks at no byte more than a few times, and costs little more than sending
/// it whole.
fn check(input: &[u8]) {
    let whole = cost(input, input.len());
    assert!(whole <= 5 * input.len() + 1000, "whole: {whole} for {}", input.len());
    for piece in [1, 2, 3, 100, 4096] {
        let pieces = cost(input, piece);
        assert!(pieces <= 5 * input.len() + 6000, "by {piece}: {pieces} for {}", input.len());
    }
}

#[test]
fn a_large_head_costs_the_same_byte_by_byte() {
    let mut one_field = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    one_field.resize(256 * 1024 - 4, b'x');
    one_field.extend_from_slice(b"\r\n\r\n");
    check(&one_field);
    let mut long_target = b"GET /".to_vec();
    long_target.resize(64 * 1024, b'x');
    long_target.extend_from_slice(b" HTTP/1.1\r\nHost: a\r\nX: ");
    long_target.resize(256 * 1024 - 4, b'x');
    long_target.extend_from_slice(b"\r\n\r\n");
    check(&long_target);
    let many_fields = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        format!("X: {}\r\n", "x".repeat(2000)).repeat(99)
    );
    check(many_fields.as_bytes());
}

#[test]
fn a_field_that_is_repeated_thousands_of_times_costs_as_much_as_it_is_long() {
    let others = "X: 1\r\n".repeat(4000);
    for name in ["Range", "From", "Connection", "X"] {
        let lines = format!("{name}: 1\r\n").repeat(5000);
        check(format!("GET / HTTP/1.1\r\nHost: a\r\n{others}{lines}\r\n").as_bytes());
    }
}

#[test]
fn ten_thousand_tiny_chunks_cost_the_same_byte_by_byte() {
    let mut body = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    body.extend(b"1\r\na\r\n".repeat(10_000));
    body.extend_from_slice(b"0\r\nX: 1\r\nY: 2\r\n\r\n");
    check(&body);
}

#[test]
fn a_thousand_pipelined_requests_cost_as_much_as_they_are_long() {
    check(&b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi".repeat(500));
}
