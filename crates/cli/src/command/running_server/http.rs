//! One request and its response, over a connection of its own.
//!
//! The request is HTTP/1.0, so that the response ends where the connection does (RFC 9112 §6.3), and
//! nothing is ever chunked.

use std::io::{self, Read as _, Write as _};

use socket2::Socket;

use super::connect::Deadline;

/// The most bytes of a response: far more than the stacks of every thread of every worker.
const RESPONSE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The most field lines of a response.
const FIELDS_MAX: usize = 64;

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;

/// A response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The content. What is not UTF-8 is U+FFFD.
    pub(crate) body: String,
}

/// A request that has been sent.
#[derive(Debug)]
pub(super) struct Exchange {
    stream: Socket,
    deadline: Deadline,
    received: Vec<u8>,
}

impl Exchange {
    /// Sends a request.
    ///
    /// # Errors
    /// It could not be sent in time.
    pub(super) fn begin(
        stream: Socket,
        deadline: Deadline,
        method: &str,
        path: &str,
        host: &str,
    ) -> io::Result<Self> {
        stream.set_write_timeout(Some(deadline.left()?))?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
        (&stream).write_all(request.as_bytes())?;
        Ok(Self { stream, deadline, received: Vec::new() })
    }

    /// Reads once. The response, if this was its end.
    ///
    /// # Errors
    /// It is late, too long, cut short or not HTTP, or a signal interrupted the wait.
    pub(super) fn proceed(&mut self) -> io::Result<Option<Response>> {
        self.stream.set_read_timeout(Some(self.deadline.left()?))?;
        let before = self.received.len();
        self.received.resize(before + READ_BYTES, 0);
        let read = (&self.stream).read(&mut self.received[before..]);
        self.received.truncate(before + read.as_ref().map_or(0, |read| *read));
        match read? {
            0 => parse(&self.received).map(Some),
            _ if self.received.len() > RESPONSE_BYTES_MAX => {
                Err(invalid("its response is too long"))
            }
            _ => Ok(None),
        }
    }
}

/// Parses a response, up to the end of its connection.
fn parse(bytes: &[u8]) -> io::Result<Response> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut head = httparse::Response::new(&mut fields);
    let parsed = head.parse(bytes).map_err(|_| invalid("its response is not HTTP"))?;
    let (httparse::Status::Complete(length), Some(status)) = (parsed, head.code) else {
        return Err(match bytes {
            [] => invalid("it closes the connection without a response"),
            _ => invalid("its response is cut short"),
        });
    };
    let body = &bytes[length..];
    let is_length =
        |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case("content-length");
    let announced = head.headers.iter().find(is_length).map(|field| field.value);
    if announced.is_some_and(|announced| announced != body.len().to_string().as_bytes()) {
        return Err(invalid("its response is cut short"));
    }
    Ok(Response { status, body: String::from_utf8_lossy(body).into_owned() })
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Result<(u16, String), String> {
        let response = parse(bytes).map_err(|error| error.to_string())?;
        Ok((response.status, response.body))
    }

    #[test]
    fn a_response_ends_with_its_connection_and_has_all_that_it_announced() {
        assert_eq!(parsed(b"HTTP/1.1 200 OK\r\n\r\nok\n"), Ok((200, "ok\n".into())));
        let of_length = |length: &str| {
            parsed(format!("HTTP/1.1 503 No\r\nContent-length: {length}\r\n\r\nno").as_bytes())
        };
        assert_eq!(of_length("2"), Ok((503, "no".into())));
        assert_eq!(of_length("3"), Err("its response is cut short".into()));
        assert_eq!(of_length("x"), Err("its response is cut short".into()));
    }

    #[test]
    fn what_is_no_response_is_told() {
        let told = |bytes| parsed(bytes).unwrap_err();
        assert_eq!(told(b""), "it closes the connection without a response");
        assert_eq!(told(b"HTTP/1.1 200 OK\r\nA: b"), "its response is cut short");
        assert_eq!(told(b"SSH-2.0-OpenSSH_9.2\r\n"), "its response is not HTTP");
        let fields = "a: b\r\n".repeat(FIELDS_MAX + 1);
        assert_eq!(
            told(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").as_bytes()),
            "its response is not HTTP"
        );
    }
}
