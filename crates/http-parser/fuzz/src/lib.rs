//! What the fuzz targets and `tests/neighbours.rs` share: a stream of requests as plain data, read
//! by the real decoder, and read by a reference parser. `foreign/` compares it with other projects'
//! parsers.

#![forbid(unsafe_code)]

mod comparison;
pub mod reference;

use std::sync::Arc;

use maitred_http_parser::decode::{Decoded, Decoder, Progress};
use maitred_http_parser::{Limits, RequestHead, Version};

pub use comparison::compare;

/// One request, as plain data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// As received.
    pub method: Vec<u8>,
    /// As received.
    pub target: Vec<u8>,
    /// Whether it is 1.1.
    pub is_1_1: bool,
    /// Names and trimmed values, as received.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// Without its coding.
    pub body: Vec<u8>,
    /// Whether all of it came.
    pub complete: bool,
}

/// What a parser makes of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The requests, in order; only the last one may be incomplete.
    pub requests: Vec<Request>,
    /// The status of the refusal at its end.
    pub refused: Option<u16>,
}

/// Limits so small that random input reaches them.
pub fn small_limits() -> Limits {
    Limits {
        head_bytes: 300,
        target_bytes: 40,
        method_bytes: 10,
        fields: 8,
        body_bytes: 200,
        chunk_line_bytes: 40,
        chunk_extension_bytes: 60,
        trailer_bytes: 60,
        pipelined_bytes: 500,
    }
}

/// Limits that no input reaches, where they are not the subject; but that of a body is the default.
pub fn no_limits() -> Limits {
    let plenty = 100_000;
    Limits {
        head_bytes: plenty,
        target_bytes: plenty,
        method_bytes: plenty,
        fields: plenty,
        chunk_line_bytes: plenty,
        chunk_extension_bytes: plenty,
        trailer_bytes: plenty,
        ..Limits::default()
    }
}

/// Reads `input` in pieces that end at `cuts`, which must be in order.
pub fn read(limits: Limits, input: &[u8], cuts: &[usize]) -> Reading {
    let held_max = 2 * (limits.head_bytes + limits.trailer_bytes) + 8192;
    let mut decoder = Decoder::new(Arc::new(limits));
    let mut reading = Reading::default();
    let mut start = 0;
    for end in cuts.iter().copied().chain([input.len()]) {
        let mut piece = &input[start.min(end)..end];
        start = end;
        loop {
            let before = piece.len();
            let decoded = decoder.decode(&mut piece);
            assert!(piece.len() <= before);
            match decoded {
                Decoded::Incomplete => {
                    assert!(piece.is_empty());
                    break;
                }
                Decoded::Head(head) => reading.requests.push(plain(&head)),
                Decoded::Body(body) => {
                    assert!(!body.is_empty());
                    reading.requests.last_mut().expect("a head").body.extend_from_slice(body);
                }
                Decoded::End => {
                    reading.requests.last_mut().expect("a head").complete = true;
                    assert_eq!(decoder.progress(), Progress::Between);
                    assert_eq!(decoder.held_bytes(), 0);
                }
                Decoded::Rejected(rejection) => {
                    assert_eq!(decoder.progress(), Progress::Rejected);
                    assert_eq!(decoder.held_bytes(), 0);
                    reading.refused = Some(rejection.status());
                    return reading;
                }
            }
        }
        assert!(decoder.held_bytes() <= held_max);
    }
    reading
}

fn plain(head: &RequestHead) -> Request {
    Request {
        method: head.method().as_bytes().to_vec(),
        target: head.target().to_vec(),
        is_1_1: head.version() == Version::Http11,
        fields: head.fields().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        body: Vec::new(),
        complete: false,
    }
}

/// Places to cut `length` bytes at, from random bytes.
pub fn cuts(length: usize, random: &[u8]) -> Vec<usize> {
    let mut at = 0;
    let mut cuts = Vec::new();
    for &step in random {
        at += usize::from(step);
        if at > length {
            break;
        }
        cuts.push(at);
    }
    cuts
}
