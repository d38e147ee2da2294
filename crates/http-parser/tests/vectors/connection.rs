//! Runs a vector on a whole connection, with an application like that of the conformance tests; and
//! on a connection whose successor takes its place at every opportunity.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use maitred_http_parser::connection::{
    Connection, Moment, Received, Rules, append_request, request_bytes,
};
use maitred_http_parser::encode::{ErrorResponse, HttpDate};
use maitred_http_parser::exchange::Peer;
use maitred_http_parser::forwarded::{Trust, resolve};
use maitred_http_parser::{ApplicationFault, Rejection, RequestHead, ResponseHead};

use super::format::Vector;
use super::seen::compare;

/// A server with one connection.
struct Server<'v> {
    vector: &'v Vector,
    connection: Connection,
    now: Moment,
    reading: Option<(Arc<RequestHead>, Vec<u8>)>,
    served: usize,
    refused: Option<u16>,
    out: Vec<u8>,
    successions: Successions,
    succeeded: usize,
}

/// Whether a successor takes the place of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Successions {
    Never,
    /// After every piece of input, and before every response.
    Always,
}

/// Up to this much input is given to a successor after every piece; more only now and then, because
/// the cost of giving all of it after every byte is quadratic.
const ALWAYS_GIVEN: usize = 256;

/// Gives the vector to a connection, cut into pieces of these lengths.
pub(super) fn judge(vector: &Vector, cuts: &[usize]) -> Result<(), String> {
    run(vector, cuts, Successions::Never)?.verdict()
}

/// The same, with successors; the client must not see a difference.
pub(super) fn judge_successors(vector: &Vector, cuts: &[usize]) -> Result<(), String> {
    let direct = run(vector, cuts, Successions::Never)?;
    let moved = run(vector, cuts, Successions::Always)?;
    if moved.out != direct.out {
        let [moved, direct] = [&moved.out, &direct.out].map(|out| String::from_utf8_lossy(out));
        return Err(format!("answered {moved:?} instead of {direct:?}"));
    }
    if moved.succeeded == 0 {
        return Err("it was never succeeded".into());
    }
    moved.verdict()
}

fn run<'v>(
    vector: &'v Vector,
    cuts: &[usize],
    successions: Successions,
) -> Result<Server<'v>, String> {
    let now = Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::UNIX_EPOCH) };
    let mut server = Server {
        vector,
        connection: Connection::new(Arc::new(Rules::default()), now.instant),
        now,
        reading: None,
        served: 0,
        refused: None,
        out: Vec::new(),
        successions,
        succeeded: 0,
    };
    server.succeed();
    let mut rest = vector.sent.as_slice();
    for &cut in cuts {
        let piece;
        (piece, rest) = rest.split_at(cut);
        server.receive(piece)?;
        server.succeed();
    }
    if vector.half_close {
        let rejection = server.connection.handle_eof(&mut server.out, &server.now);
        server.refused = server.refused.or(rejection.map(Rejection::status));
    }
    Ok(server)
}

impl Server<'_> {
    /// A successor takes the place of a connection on which no complete request waits.
    fn succeed(&mut self) {
        if self.successions == Successions::Never || self.reading.is_some() {
            return;
        }
        let Some(unread) = self.connection.unread() else { return };
        if unread.len() > ALWAYS_GIVEN && !unread.len().is_power_of_two() {
            return;
        }
        let mut bytes = Vec::new();
        unread.append_to(&mut bytes);
        assert_eq!(bytes.len(), unread.len());
        self.connection = Connection::new(Arc::new(Rules::default()), self.now.instant);
        self.succeeded += 1;
        let mut input = bytes.as_slice();
        let received = self.connection.receive(&mut input, &mut self.out, &self.now);
        assert!(matches!(received, Received::Wait), "it was waiting, and now has {received:?}");
    }

    /// A successor takes the place of a connection on which this complete request waits, and is
    /// given it anew.
    fn succeed_with(
        &mut self,
        head: Arc<RequestHead>,
        body: Vec<u8>,
    ) -> (Arc<RequestHead>, Vec<u8>) {
        if self.successions == Successions::Never || head.expects_continue() {
            return (head, body);
        }
        let mut bytes = Vec::new();
        append_request(&head, &body, &mut bytes);
        assert_eq!(bytes.len(), request_bytes(&head, body.len()));
        let unread = self.connection.unread().expect("no response has begun");
        unread.append_to(&mut bytes);
        self.connection = Connection::new(Arc::new(Rules::default()), self.now.instant);
        self.succeeded += 1;
        let (mut input, mut head, mut body) = (bytes.as_slice(), None, Vec::new());
        loop {
            match self.connection.receive(&mut input, &mut self.out, &self.now) {
                Received::Head(again) => head = Some(again),
                Received::Body(piece) => body.extend_from_slice(piece),
                Received::End => break,
                other => panic!("a request that was understood is {other:?}"),
            }
        }
        let received = self.connection.receive(&mut input, &mut self.out, &self.now);
        assert!(matches!(received, Received::Buffered), "after a request came {received:?}");
        (head.expect("an end comes after a head"), body)
    }

    fn receive(&mut self, mut input: &[u8]) -> Result<(), String> {
        loop {
            match self.connection.receive(&mut input, &mut self.out, &self.now) {
                Received::Wait | Received::Buffered | Received::Ignored => {}
                Received::Head(head) => match resolve(&Trust::default(), &head, &Peer::unix()) {
                    Ok(_) => {
                        self.reading = Some((head, Vec::new()));
                        continue;
                    }
                    Err(refusal) => self.refuse(refusal.rejection()),
                },
                Received::Body(piece) => {
                    let (_, body) = self.reading.as_mut().ok_or("a body without a head")?;
                    body.extend_from_slice(piece);
                    continue;
                }
                Received::End => {
                    self.serve()?;
                    continue;
                }
                Received::Rejected(rejection) => self.refused = Some(rejection.status()),
            }
            return Ok(());
        }
    }

    fn refuse(&mut self, rejection: Rejection) {
        self.refused = Some(rejection.status());
        let _ =
            self.connection.refuse(&ErrorResponse::Rejected(rejection), &mut self.out, &self.now);
    }

    /// Answers the request that is complete.
    fn serve(&mut self) -> Result<(), String> {
        let (head, body) = self.reading.take().ok_or("an end without a head")?;
        let (head, body) = self.succeed_with(head, body);
        let expected = self.vector.served.get(self.served).ok_or("one request too many")?;
        compare(expected, &head, &body)?;
        self.served += 1;
        let (status, declared, body): (_, _, &[u8]) = match head.path() {
            b"/_app/clshort" => ("200 OK", Some("20"), b"short"),
            b"/_app/cllong" => ("200 OK", Some("5"), b"right and more"),
            b"/_app/status/204" => ("204 No Content", None, b""),
            b"/_app/status/304" => ("304 Not Modified", None, b""),
            b"/_app/raise" | b"/_app/badheader" | b"/_app/badstatus" | b"/_app/status/103" => {
                self.fail();
                return Ok(());
            }
            _ => ("200 OK", None, b"ok"),
        };
        let known = match head.path() {
            b"/_app/stream" | b"/_app/midraise" => None,
            _ => Some(body.len() as u64),
        };
        let mut response = ResponseHead::new(status.as_bytes()).map_err(|it| it.to_string())?;
        if let Some(declared) = declared {
            let pushed = response.push(b"Content-Length", declared.as_bytes());
            pushed.map_err(|it| it.to_string())?;
        }
        self.connection.respond(response, known, &mut self.out, &self.now);
        let frame = self.connection.frame(body.len() as u64).ok_or("no body is under way")?;
        self.out.extend_from_slice(frame.prefix());
        self.out.extend_from_slice(&body[..frame.take as usize]);
        self.out.extend_from_slice(frame.suffix);
        if head.path() == b"/_app/midraise" {
            self.fail();
        } else {
            let _ = self.connection.finish(&mut self.out, &self.now);
        }
        Ok(())
    }

    fn fail(&mut self) {
        let _ = self.connection.fail(ApplicationFault::Dropped, &mut self.out, &self.now);
    }

    fn verdict(self) -> Result<(), String> {
        let Self { vector, connection, served, refused, out, .. } = self;
        if vector.refuses_head && !out.ends_with(b"\r\n\r\n") {
            return Err("a refusal of HEAD with content".into());
        }
        if served != vector.served.len() {
            return Err(format!("{served} requests were served"));
        }
        if refused != vector.refused {
            return Err(format!("refused with {refused:?}"));
        }
        match (connection.ending(), vector.ends_open) {
            (None, true) | (Some(_), false) => Ok(()),
            (ending, _) => Err(format!("ends as {ending:?}")),
        }
    }
}
