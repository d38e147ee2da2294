//! Whatever happens to a connection, in whatever order, its promises hold: answers in the order
//! of the requests and never more of them than requests, nothing after the end, no request after
//! a refusal, and no memory beyond the limits.

#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use maitred_http_parser::connection::{Connection, Moment, Phase, Received, Rules, Unsent};
use maitred_http_parser::encode::{ErrorResponse, HttpDate};
use maitred_http_parser::{ApplicationFault, Rejection, ResponseHead};
use maitred_http_parser_fuzz::small_limits;

/// What may happen to a connection.
#[derive(Arbitrary, Debug)]
enum Fact {
    /// The client sends random bytes.
    Bytes(Vec<u8>),
    /// The client sends something sensible, or part of it.
    Text { which: u8, length: u8 },
    /// A body is received straight into its buffer.
    Straight(u8),
    /// The application answers, with this status and perhaps a known length.
    Respond { status: u8, known: Option<u8>, declared: Option<u8> },
    /// The application writes.
    Write(u8),
    /// The application is done.
    Finish,
    /// The application fails.
    Fail,
    /// The server refuses.
    Refuse(u8),
    /// The client ends its side.
    Eof,
    /// The server will stop.
    Drain,
    /// Time goes by.
    Pass(u16),
    /// Output went out.
    Sent { count: u8, pending: bool },
}

const TEXTS: [&str; 6] = [
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n0123456789",
    "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /5 HTTP/1.1\r\n\r\n",
];

struct Bench {
    connection: Connection,
    now: Moment,
    out: Vec<u8>,
    /// Whole requests that came in.
    requests: usize,
    /// Requests that were ended by the application or by a refusal.
    answers: usize,
    refused: bool,
    ended: bool,
}

fuzz_target!(|facts: Vec<Fact>| {
    let rules = Rules { limits: Arc::new(small_limits()), ..Rules::default() };
    let now = Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::UNIX_EPOCH) };
    let connection = Connection::new(Arc::new(rules), now.instant);
    let mut bench = Bench {
        connection,
        now,
        out: Vec::new(),
        requests: 0,
        answers: 0,
        refused: false,
        ended: false,
    };
    for fact in facts {
        let before = bench.out.len();
        let was_over = bench.ended;
        bench.happens(fact);
        bench.check(before, was_over);
    }
});

impl Bench {
    fn happens(&mut self, fact: Fact) {
        let Self { connection, now, out, .. } = self;
        match fact {
            Fact::Bytes(bytes) => self.receive(&bytes),
            Fact::Text { which, length } => {
                let text = TEXTS[usize::from(which) % TEXTS.len()].as_bytes();
                self.receive(text.get(..usize::from(length)).unwrap_or(text));
            }
            Fact::Straight(count) => {
                if let Some(remaining) = connection.body_remaining() {
                    let count = u64::from(count).min(remaining);
                    connection.body_received(count, now.instant);
                    self.receive(b"");
                }
            }
            Fact::Respond { status, known, declared } => {
                if !self.is_complete() {
                    return; // the application is not called before that
                }
                let status =
                    ["200 OK", "204 No", "304 Not", "500 Oh", "404 No"][usize::from(status) % 5];
                let mut head = ResponseHead::new(status.as_bytes()).expect("a status");
                if let Some(declared) = declared {
                    let digits = declared.to_string();
                    head.push(b"Content-Length", digits.as_bytes()).expect("a length");
                }
                self.connection.respond(head, known.map(u64::from), &mut self.out, &self.now);
            }
            Fact::Write(length) => {
                if let Some(frame) = connection.frame(u64::from(length)) {
                    assert!(frame.take <= u64::from(length));
                    out.extend_from_slice(frame.prefix());
                    out.resize(out.len() + frame.take as usize, b'x');
                    out.extend_from_slice(frame.suffix);
                }
            }
            Fact::Finish => {
                let _ = connection.finish(out, now);
                self.go_on();
            }
            Fact::Fail => {
                let _ = connection.fail(ApplicationFault::Dropped, out, now);
                self.go_on();
            }
            Fact::Refuse(which) => {
                let refusal = match which % 3 {
                    0 => ErrorResponse::Busy { retry_after_seconds: 1 },
                    1 => ErrorResponse::Rejected(Rejection::Target),
                    _ => ErrorResponse::NoStorage,
                };
                let _ = connection.refuse(&refusal, out, now);
            }
            Fact::Eof => {
                let _ = connection.handle_eof(out, now);
            }
            Fact::Drain => connection.handle_drain_announced(),
            Fact::Pass(milliseconds) => {
                now.instant += Duration::from_millis(u64::from(milliseconds) * 4);
                let _ = connection.handle_time(out, now);
            }
            Fact::Sent { count, pending } => {
                let unsent = if pending { Unsent::Something } else { Unsent::Nothing };
                connection.handle_sent(u64::from(count), unsent, now.instant);
            }
        }
    }

    /// Whether a whole request waits for its answer.
    fn is_complete(&self) -> bool {
        self.connection.is_owed() && self.connection.phase() == Phase::Answering
    }

    fn receive(&mut self, mut input: &[u8]) {
        if !self.connection.wants_read() {
            return; // nobody reads the socket
        }
        loop {
            match self.connection.receive(&mut input, &mut self.out, &self.now) {
                Received::Wait => assert!(input.is_empty()),
                Received::Buffered => assert!(!self.ended && input.is_empty()),
                Received::Ignored => assert!(self.ended),
                Received::Head(_) => {
                    assert!(!self.refused, "a request after a refusal");
                    continue;
                }
                Received::Body(_) => continue,
                Received::End => {
                    self.requests += 1;
                    continue;
                }
                Received::Rejected(_) => self.refused = true,
            }
            return;
        }
    }

    /// After an answer, pipelined input is read.
    fn go_on(&mut self) {
        if self.connection.has_pipelined() {
            self.receive(&[]);
        }
    }

    fn check(&mut self, before: usize, was_over: bool) {
        if was_over {
            assert_eq!(self.out.len(), before, "bytes after the end");
            assert!(self.connection.ending().is_some(), "an end that was none");
            assert!(self.connection.frame(1).is_none());
        }
        self.ended = self.connection.ending().is_some();
        // Random bodies are `x`, so that nothing but a head can look like one.
        let heads =
            |needle: &[u8]| self.out.windows(needle.len()).filter(|it| it == &needle).count();
        let finals = heads(b"HTTP/1.1 ") + heads(b"HTTP/1.0 ") - heads(b"HTTP/1.1 100 ");
        assert!(finals <= self.requests + 1, "more answers than requests and a refusal");
        self.answers = finals;
        let limits = small_limits();
        let most =
            8192 + 2 * (limits.head_bytes + limits.trailer_bytes + limits.pipelined_bytes) + 65536;
        assert!(self.connection.held_bytes() <= most);
    }
}
