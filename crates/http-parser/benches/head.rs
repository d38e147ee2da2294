//! What it costs to read a request, in nanoseconds: `cargo bench -p maitred-http-parser`.
//!
//! A plain program without a framework: each case runs in rounds, and the fastest round counts,
//! because whatever else the machine does can only make one slower.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::Limits;
use maitred_http_parser::decode::{Decoded, Decoder};

const ROUNDS: usize = 30;
const ROUND: Duration = Duration::from_millis(20);

/// The least that HTTP/1.1 allows.
const HELLO: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// What a browser sends with a session cookie.
const BROWSER: &[u8] = b"GET /products/42?colour=blue HTTP/1.1\r\n\
    Host: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example/products\r\n\
    Connection: keep-alive\r\n\
    Cookie: sessionid=3lu0s9qg4yh2k5p8w1c7z6x0v9b8n7m5; csrftoken=Zk3q9w8e7r6t5y4u3i2o1p0a9s8d7f6g\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-Site: same-origin\r\n\r\n";

/// Nanoseconds of one call, in the fastest round.
fn cost(mut call: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let mut calls = 0u32;
        while start.elapsed() < ROUND {
            for _ in 0..64 {
                call();
            }
            calls += 64;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    best
}

/// Reads all requests of `input`, in pieces of `piece` bytes.
fn read(input: &[u8], piece: usize, limits: &Arc<Limits>) {
    let mut decoder = Decoder::new(Arc::clone(limits));
    for mut bytes in input.chunks(piece) {
        loop {
            match decoder.decode(&mut bytes) {
                Decoded::Incomplete => break,
                Decoded::Rejected(rejection) => unreachable!("{rejection}"),
                decoded => drop(black_box(decoded)),
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
fn main() {
    let limits = Arc::new(Limits::default());
    let largest = {
        let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: ".to_vec();
        head.resize(limits.head_bytes - 4, b'c');
        head.extend_from_slice(b"\r\n\r\n");
        head
    };
    let chunks = {
        let mut body = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        body.extend(b"1\r\na\r\n".repeat(10_000));
        body.extend_from_slice(b"0\r\n\r\n");
        body
    };
    for (name, input, piece) in [
        ("hello", HELLO, usize::MAX),
        ("browser", BROWSER, usize::MAX),
        ("browser, in two pieces", BROWSER, 400),
        ("browser, byte by byte", BROWSER, 1),
        ("head of 256 KiB", &largest, usize::MAX),
        ("head of 256 KiB, byte by byte", &largest, 1),
        ("10,000 chunks of one byte", &chunks, usize::MAX),
    ] {
        let nanoseconds = cost(|| read(black_box(input), piece, &limits));
        println!("{name:32} {nanoseconds:12.1} ns  {:8} bytes", input.len());
    }
}
