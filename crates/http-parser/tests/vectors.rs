//! Every vector of `tests/vectors` against a bare decoder, against a whole connection, and against one
//! that successors continue: whole, byte by byte, cut at random places.
//!
//! What only a running server can show (answers, interim responses) is tested from outside by
//! `tests/conformance`.

#[path = "vectors/connection.rs"]
mod connection;
#[path = "vectors/decoder.rs"]
mod decoder;
#[path = "vectors/format.rs"]
mod format;
#[path = "vectors/seen.rs"]
mod seen;

use format::Vector;

/// Runs a vector, cut into pieces of these lengths.
type Judge = fn(&Vector, &[usize]) -> Result<(), String>;

const JUDGES: [(&str, Judge); 3] = [
    ("a decoder", decoder::judge),
    ("a connection", connection::judge),
    ("a connection and its successors", connection::judge_successors),
];

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
        for (how, judge) in JUDGES {
            if let Err(what) = judge(vector, &cuts) {
                failures.push(format!("{} ({how}): {what}", vector.name));
            }
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
