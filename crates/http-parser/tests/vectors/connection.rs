//! Runs a vector on a whole connection, with an application like that of the conformance tests.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use maitred_http_parser::connection::{Connection, Moment, Received, Rules};
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
    reading: Option<(RequestHead, Vec<u8>)>,
    served: usize,
    refused: Option<u16>,
    out: Vec<u8>,
}

/// Gives the vector to a connection, cut into pieces of these lengths.
pub(super) fn judge(vector: &Vector, cuts: &[usize]) -> Result<(), String> {
    let now = Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::UNIX_EPOCH) };
    let mut server = Server {
        vector,
        connection: Connection::new(Arc::new(Rules::default()), now.instant),
        now,
        reading: None,
        served: 0,
        refused: None,
        out: Vec::new(),
    };
    let mut rest = vector.sent.as_slice();
    for &cut in cuts {
        let piece;
        (piece, rest) = rest.split_at(cut);
        server.receive(piece)?;
    }
    if vector.half_close {
        let rejection = server.connection.handle_eof(&mut server.out, &server.now);
        server.refused = server.refused.or(rejection.map(Rejection::status));
    }
    server.verdict()
}

impl Server<'_> {
    fn receive(&mut self, mut input: &[u8]) -> Result<(), String> {
        loop {
            match self.connection.receive(&mut input, &mut self.out, &self.now) {
                Received::Wait | Received::Ignored => {}
                Received::Buffered => self.connection.buffer_pipelined(input),
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
