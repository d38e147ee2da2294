//! Every vector of `tests/vectors` against the decoder: whole, byte by byte, cut at random places.
//!
//! What only a running server can show (answers, interim responses) is tested from outside by
//! `tests/conformance`.

#[path = "vectors/format.rs"]
mod format;

use std::sync::Arc;

use format::{Served, Vector};
use maitred_http_parser::decode::{Decoded, Decoder, Progress};
use maitred_http_parser::exchange::Peer;
use maitred_http_parser::forwarded::{Trust, resolve};
use maitred_http_parser::{Limits, RequestHead, Version};

/// How often each vector is cut at random places.
const RANDOM_CUTS: u64 = 20;

#[test]
fn every_vector_holds_when_it_comes_whole() {
    check_all(|sent, _| vec![sent.len()]);
}

#[test]
fn every_vector_holds_when_it_comes_byte_by_byte() {
    check_all(|sent, _| vec![1; sent.len()]);
}

#[test]
fn every_vector_holds_when_it_is_cut_at_random_places() {
    for round in 1..=RANDOM_CUTS {
        check_all(|sent, case| random_cuts(sent.len(), round * 1_000_003 + case as u64));
    }
}

#[test]
fn every_vector_has_a_name_of_its_own_and_expects_something() {
    let vectors = format::all();
    assert!(vectors.len() >= 543, "only {} vectors were found", vectors.len());
    let mut names: Vec<&str> = vectors.iter().map(|vector| vector.name.as_str()).collect();
    names.sort_unstable();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1], "two vectors have this name");
    }
    for vector in &vectors {
        assert!(
            !vector.served.is_empty() || vector.refused.is_some() || vector.half_close,
            "{} expects nothing",
            vector.name
        );
    }
}

/// Runs all vectors, cut into pieces of the lengths that `cut` gives, and shows every failure.
fn check_all(cut: impl Fn(&[u8], usize) -> Vec<usize>) {
    let mut failures = Vec::new();
    for (case, vector) in format::all().iter().enumerate() {
        let cuts = cut(&vector.sent, case);
        if let Err(what) = judge(vector, &cuts) {
            failures.push(format!("{}: {what}", vector.name));
        }
    }
    assert!(failures.is_empty(), "{} vectors failed:\n{}", failures.len(), failures.join("\n"));
}

/// Lengths of pieces, mostly short; the same for the same seed.
fn random_cuts(total: usize, seed: u64) -> Vec<usize> {
    let mut state = seed;
    let mut next = move || {
        // splitmix64: a few lines, and good enough to cut with
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let longest = 1 + next() % (total as u64).max(1);
    let mut cuts = Vec::new();
    let mut left = total;
    while left > 0 {
        let piece = (1 + next() % longest).min(left as u64) as usize;
        cuts.push(piece);
        left -= piece;
    }
    cuts
}

/// Plays the server's part with a bare decoder.
fn judge(vector: &Vector, cuts: &[usize]) -> Result<(), String> {
    let mut decoder = Decoder::new(Arc::new(Limits::default()));
    let mut reading: Option<(RequestHead, Vec<u8>)> = None;
    let mut served = 0;
    let mut rest = vector.sent.as_slice();
    for &cut in cuts {
        let mut input;
        (input, rest) = rest.split_at(cut);
        loop {
            if vector.refused.is_none() && !vector.ends_open && served == vector.served.len() {
                return Ok(()); // the connection is closed: nothing more is read
            }
            match decoder.decode(&mut input) {
                Decoded::Incomplete => break,
                Decoded::Head(head) => match resolve(&Trust::default(), &head, &Peer::unix()) {
                    Ok(_) => reading = Some((head, Vec::new())),
                    Err(refusal) => return refused(vector, served, refusal.rejection().status()),
                },
                Decoded::Body(piece) => {
                    let (_, body) = reading.as_mut().ok_or("a body without a head")?;
                    body.extend_from_slice(piece);
                }
                Decoded::End => {
                    let (head, body) = reading.take().ok_or("an end without a head")?;
                    let expected = vector.served.get(served).ok_or("one request too many")?;
                    compare(expected, &head, &body)?;
                    served += 1;
                }
                Decoded::Rejected(rejection) => return refused(vector, served, rejection.status()),
            }
        }
        if !input.is_empty() {
            return Err("bytes were left".into());
        }
    }
    if served < vector.served.len() {
        return Err(format!("only {served} requests were understood"));
    }
    match (vector.refused, decoder.progress()) {
        (None, Progress::Between) => Ok(()),
        (Some(_), Progress::Head | Progress::Body) if vector.half_close => Ok(()),
        (refused, progress) => Err(format!("expected {refused:?}, ended in {progress:?}")),
    }
}

fn refused(vector: &Vector, served: usize, status: u16) -> Result<(), String> {
    if vector.refused != Some(status) || served != vector.served.len() {
        return Err(format!("refused with {status} after {served} requests"));
    }
    Ok(())
}

fn compare(expected: &Served, head: &RequestHead, body: &[u8]) -> Result<(), String> {
    // These applications answer before they have read everything; `body` is what they did read.
    let reads_all = !matches!(expected.path.as_slice(), b"/_app/noread" | b"/_app/readone");
    let read = if reads_all { body } else { &body[..expected.body.len()] };
    let seen = Served {
        method: head.method().as_bytes().to_vec(),
        path: percent_decoded(head.path()),
        query: head.query().to_vec(),
        body: read.to_vec(),
        environ: expected
            .environ
            .keys()
            .map(|name| (name.clone(), environ(head, body, name)))
            .collect(),
    };
    if seen == *expected { Ok(()) } else { Err(format!("saw {seen:?}, expected {expected:?}")) }
}

/// What the application would see under `name`.
fn environ(head: &RequestHead, body: &[u8], name: &str) -> Option<Vec<u8>> {
    let field = match name {
        "SERVER_PROTOCOL" => {
            let is_10 = head.version() == Version::Http10;
            return Some(if is_10 { b"HTTP/1.0".to_vec() } else { b"HTTP/1.1".to_vec() });
        }
        "CONTENT_LENGTH" if head.field("transfer-encoding").is_some() => {
            return Some(body.len().to_string().into_bytes());
        }
        _ => name.strip_prefix("HTTP_").unwrap_or(name).replace('_', "-"),
    };
    let separator: &[u8] = if field == "COOKIE" { b"; " } else { b", " };
    let values: Vec<&[u8]> = head
        .fields()
        .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(field.as_bytes()))
        .map(|(_, value)| value)
        .collect();
    (!values.is_empty()).then(|| values.join(separator))
}

fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        let escape = match after {
            [high, low, ..] if *byte == b'%' => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        decoded.push(escape.unwrap_or(*byte));
        rest = if escape.is_some() { &after[2..] } else { after };
    }
    decoded
}
