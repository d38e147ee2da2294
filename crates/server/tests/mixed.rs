//! Everything at once: many clients, pipelined requests with and without bodies, cut at any place,
//! answered in every way. Nothing is lost, nothing is mixed up.

mod support;

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use maitred_http_parser::exchange::{Body, Chunk, Exchange, FileBody, Flow};
use maitred_server::Gil;
use support::{App, Client, End, Served, finish, ok, settings};

/// Numbers that look random and are the same each time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("less than the limit")
    }

    /// Mostly small, now and then large.
    fn length(&mut self) -> usize {
        match self.below(20) {
            0 => self.below(300_000),
            1..=5 => self.below(20_000),
            _ => self.below(200),
        }
    }
}

/// Answers with the target and the body, in the way that the target names.
fn echo(mut exchange: Exchange) {
    let mut said = exchange.head.target().to_vec();
    match &mut exchange.body {
        Body::Empty => {}
        Body::Memory(bytes) => said.extend_from_slice(bytes),
        Body::File { file, .. } => {
            file.read_to_end(&mut said).expect("the file can be read");
        }
    }
    let way = exchange.head.target().last().copied();
    let reply = &mut exchange.reply;
    reply.head(ok());
    match way {
        Some(b'a') => finish(&mut **reply, Chunk::Borrowed(&said)),
        Some(b'b') => finish(&mut **reply, Chunk::Owned(Bytes::from(said))),
        Some(b'c') => {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(&said).expect("room on the disk");
            // Whether anybody is there, `finish` finds out.
            let _ =
                reply.file(FileBody { file, offset: 0, length: said.len() as u64, owner: None });
            let _ = reply.finish(Chunk::Borrowed(b""));
        }
        _ => {
            for (number, piece) in said.chunks(5000).enumerate() {
                let chunk = match number % 2 {
                    0 => Chunk::Borrowed(piece),
                    _ => Chunk::Owned(Bytes::copy_from_slice(piece)),
                };
                if reply.chunk(chunk) == Flow::Wait && reply.wait() == Flow::Gone {
                    break;
                }
            }
            let _ = reply.finish(Chunk::Borrowed(b""));
        }
    }
}

/// Some requests as they are sent, and what is answered to each.
fn requests(numbers: &mut Numbers, client: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for number in 0..=numbers.below(12) {
        let way = char::from(b"abcd"[numbers.below(4)]);
        let target = format!("/{client}/{number}/{way}");
        let length = numbers.length();
        let body: Vec<u8> = (0..length).map(|at| b"0123456789"[(at + number) % 10]).collect();
        let mut answer = target.clone().into_bytes();
        match numbers.below(3) {
            0 => write!(sent, "GET {target} HTTP/1.1\r\nHost: t\r\n\r\n").expect("memory"),
            1 => {
                let head = "HTTP/1.1\r\nHost: t\r\nContent-Length";
                write!(sent, "POST {target} {head}: {length}\r\n\r\n").expect("memory");
                sent.extend_from_slice(&body);
                answer.extend_from_slice(&body);
            }
            _ => {
                let head = "HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked";
                write!(sent, "POST {target} {head}\r\n\r\n").expect("memory");
                for piece in body.chunks(1 + numbers.below(5000)) {
                    write!(sent, "{:x}\r\n", piece.len()).expect("memory");
                    sent.extend_from_slice(piece);
                    sent.extend_from_slice(b"\r\n");
                }
                sent.extend_from_slice(b"0\r\n\r\n");
                answer.extend_from_slice(&body);
            }
        }
        expected.push(answer);
    }
    (sent, expected)
}

/// Sends in pieces that end anywhere, while the answers are read.
fn converse(client: &mut Client, numbers: &mut Numbers, sent: &[u8], expected: &[Vec<u8>]) {
    let mut sender = client.stream.try_clone().expect("a second handle");
    let cuts: Vec<usize> = (0..numbers.below(8)).map(|_| numbers.below(sent.len())).collect();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut cuts = cuts;
            cuts.sort_unstable();
            cuts.push(sent.len());
            let mut from = 0;
            for cut in cuts {
                sender.write_all(&sent[from..cut]).expect("the server reads");
                from = cut;
                std::thread::yield_now();
            }
        });
        for answer in expected {
            let got = client.answer();
            assert_eq!(got.status, 200);
            let target = String::from_utf8_lossy(&answer[..answer.len().min(20)]);
            assert!(got.body == *answer, "another answer than to {target}");
        }
    });
}

fn crowd(lock: Gil, outbuf_overflow: usize) {
    let limits = settings().with(|settings| {
        settings.limits.threads = 4;
        settings.limits.inbuf_overflow = 50_000;
        settings.limits.outbuf_overflow = outbuf_overflow;
        settings.limits.outbuf_high_watermark = 100_000;
    });
    let served = Arc::new(Served::start_with(limits, App::new(echo), lock));
    std::thread::scope(|scope| {
        for number in 0..6 {
            let served = Arc::clone(&served);
            scope.spawn(move || {
                let mut numbers = Numbers(88_172_645_463_325_252 + number as u64);
                for _ in 0..12 {
                    let mut client = served.connect();
                    for _ in 0..4 {
                        let (sent, expected) = requests(&mut numbers, number);
                        converse(&mut client, &mut numbers, &sent, &expected);
                    }
                    if numbers.below(2) == 0 {
                        client.half_close();
                        assert_eq!(client.rest(), (Vec::new(), End::Closed));
                    }
                }
            });
        }
    });
    served.wait_for_connections(0);
}

#[test]
fn nothing_is_lost_or_mixed_up_where_threads_share_a_lock() {
    crowd(Gil::Enabled, 1_000_000);
}

#[test]
fn nothing_is_lost_or_mixed_up_where_all_threads_run_at_once() {
    crowd(Gil::Disabled, 1_000_000);
}

#[test]
fn nothing_is_lost_or_mixed_up_where_much_goes_to_the_disk() {
    crowd(Gil::Enabled, 1_000);
}
