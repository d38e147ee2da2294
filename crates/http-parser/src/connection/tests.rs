//! Tests of whole connections, with a test clock.

mod deadlines;
mod ending;
mod memory;
mod persistence;
mod pipelining;
mod responses;
mod succession;

use std::time::SystemTime;

use super::*;
use crate::decode::cost;
use crate::encode::ErrorResponse;
use crate::fault::ApplicationFault;
use crate::message::ResponseHead;

/// A connection, what the server has of the request that is coming in, and what it has written.
struct Scene {
    connection: Connection,
    now: Moment,
    body: Vec<u8>,
    target: String,
    out: Vec<u8>,
}

/// Settings that are easy to count with.
fn rules() -> Rules {
    Rules {
        limits: Arc::new(Limits { pipelined_bytes: 256, ..Limits::default() }),
        timeouts: Timeouts {
            keep_alive: Duration::from_secs(75),
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            write: Duration::from_secs(40),
        },
        server: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "any point will do to count from")]
fn moment() -> Moment {
    Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::UNIX_EPOCH) }
}

impl Scene {
    fn new() -> Self {
        Self::with(rules())
    }

    fn with(rules: Rules) -> Self {
        let now = moment();
        Self {
            connection: Connection::new(Arc::new(rules), now.instant),
            now,
            body: Vec::new(),
            target: String::new(),
            out: Vec::new(),
        }
    }

    /// The client sends `bytes`, in one piece. Told is what the server makes of them: the target
    /// and the body of a request that is complete, the status of a refusal.
    fn sends(&mut self, bytes: impl AsRef<[u8]>) -> Vec<String> {
        let mut input = bytes.as_ref();
        let mut told = Vec::new();
        while let Some(what) = self.understands(&mut input) {
            told.push(what);
        }
        told
    }

    /// The server reads on after a response.
    fn reads_pipelined(&mut self) -> Vec<String> {
        self.sends([])
    }

    fn understands(&mut self, input: &mut &[u8]) -> Option<String> {
        loop {
            match self.connection.receive(input, &mut self.out, &self.now) {
                Received::Wait | Received::Buffered | Received::Ignored => return None,
                Received::Head(head) => {
                    self.target = String::from_utf8_lossy(head.target()).into_owned();
                    self.body.clear();
                }
                Received::Body(piece) => self.body.extend_from_slice(piece),
                Received::End => {
                    let body = String::from_utf8_lossy(&self.body);
                    return Some(format!("{} {body}", self.target).trim_end().to_owned());
                }
                Received::Rejected(rejection) => return Some(rejection.status().to_string()),
            }
        }
    }

    /// The application answers with a head of these fields and a body of a known length.
    fn answers(&mut self, body: &str) -> Outcome {
        self.begins(&[], Some(body.len() as u64));
        self.continues(body);
        self.finishes()
    }

    fn begins(&mut self, fields: &[(&str, &str)], known: Option<u64>) {
        self.begins_with("200 OK", fields, known);
    }

    fn begins_with(&mut self, status: &str, fields: &[(&str, &str)], known: Option<u64>) {
        let mut head = ResponseHead::new(status.as_bytes()).unwrap();
        for (name, value) in fields {
            head.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        self.connection.respond(head, known, &mut self.out, &self.now);
    }

    fn continues(&mut self, piece: &str) {
        if let Some(frame) = self.connection.frame(piece.len() as u64) {
            self.out.extend_from_slice(frame.prefix());
            self.out.extend_from_slice(&piece.as_bytes()[..usize::try_from(frame.take).unwrap()]);
            self.out.extend_from_slice(frame.suffix);
        }
    }

    fn finishes(&mut self) -> Outcome {
        self.connection.finish(&mut self.out, &self.now)
    }

    fn fails(&mut self) -> Outcome {
        self.connection.fail(ApplicationFault::Dropped, &mut self.out, &self.now)
    }

    fn refuses(&mut self, refusal: &ErrorResponse) -> Outcome {
        self.connection.refuse(refusal, &mut self.out, &self.now)
    }

    /// The client closes its side.
    fn closes(&mut self) -> Option<u16> {
        self.connection.handle_eof(&mut self.out, &self.now).map(Rejection::status)
    }

    fn passes(&mut self, time: Duration) {
        self.now.instant += time;
    }

    /// So many seconds pass, and the sweep asks.
    fn late_after(&mut self, seconds: u64) -> Option<Expired> {
        self.passes(Duration::from_secs(seconds));
        self.connection.handle_time(&mut self.out, &self.now)
    }

    /// What the client has got since the last time, without the lines that say nothing here.
    fn gets(&mut self) -> String {
        let text = String::from_utf8(std::mem::take(&mut self.out)).unwrap();
        text.replace("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "").replace("\r\n", "|")
    }

    fn ending(&self) -> Option<Ending> {
        self.connection.ending()
    }

    fn phase(&self) -> Phase {
        self.connection.phase()
    }
}

/// A request without a body.
fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}
