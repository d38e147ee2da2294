//! What a connection of Maitred makes of an input, as a line of JSON.
//!
//! It is read by a whole `Connection`, which answers each request at once, so that it ends where the
//! server would end it. Limits are not the subject.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use maitred_http_parser::connection::{Connection, Moment, Received, Rules};
use maitred_http_parser::encode::HttpDate;
use maitred_http_parser::{RequestHead, ResponseHead};
use maitred_http_parser_fuzz::no_limits;

/// Appends the line of `input`, with its line end.
pub fn write_line(input: &[u8], line: &mut String) {
    line.push_str(r#"{"input":"#);
    write_bytes(input, line);
    line.push_str(r#","reading":{"requests":["#);
    let (starts, end, reason) = write_requests(input, line);
    write!(line, r#"],"starts":{starts:?},"end":"{end}","reason":"{reason}"}}}}"#)
        .expect("a string takes everything");
    line.push('\n');
}

/// Appends the requests. Returns where each of them starts, and where the bytes behind the last one
/// do; and how the stream ends.
fn write_requests(input: &[u8], line: &mut String) -> (Vec<usize>, &'static str, &'static str) {
    let now = Moment { instant: Instant::now(), date: HttpDate::new(SystemTime::UNIX_EPOCH) };
    let rules = Rules { limits: Arc::new(no_limits()), ..Rules::default() };
    let mut connection = Connection::new(Arc::new(rules), now.instant);
    let mut responses = Vec::new();
    let mut rest = input;
    let mut starts = vec![0];
    let mut unfinished = None;
    let (end, reason) = loop {
        match connection.receive(&mut rest, &mut responses, &now) {
            Received::Head(head) => unfinished = Some((head, Vec::new())),
            Received::Body(piece) => {
                let (_, body) = unfinished.as_mut().expect("a head comes before a body");
                body.extend_from_slice(piece);
            }
            Received::End => {
                let (head, body) = unfinished.take().expect("a head comes before the end");
                let response = ResponseHead::new(b"200 OK").expect("it is valid");
                connection.respond(response, Some(0), &mut responses, &now);
                connection.finish(&mut responses, &now);
                let keeps_open = connection.ending().is_none();
                separate(line);
                write_request(&head, &body, Some(keeps_open), line);
                starts.push(input.len() - rest.len());
                if !keeps_open {
                    break ("closed", "");
                }
            }
            Received::Wait => break ("waiting", ""),
            Received::Rejected(rejection) => break ("refused", rejection.name()),
            Received::Buffered | Received::Ignored => unreachable!("every request is answered"),
        }
    };
    if let Some((head, body)) = unfinished {
        separate(line);
        write_request(&head, &body, None, line);
    }
    (starts, end, reason)
}

fn separate(line: &mut String) {
    if !line.ends_with('[') {
        line.push(',');
    }
}

/// Appends a request; `keeps_open` is unknown as long as it is incomplete.
fn write_request(head: &RequestHead, body: &[u8], keeps_open: Option<bool>, line: &mut String) {
    line.push_str(r#"{"method":"#);
    write_bytes(head.method_token(), line);
    line.push_str(r#","target":"#);
    write_bytes(head.target(), line);
    line.push_str(r#","version":"#);
    write_bytes(head.version().as_str().trim_start_matches("HTTP/").as_bytes(), line);
    line.push_str(r#","fields":["#);
    for (name, value) in head.fields() {
        separate(line);
        line.push('[');
        write_bytes(name, line);
        line.push(',');
        write_bytes(value, line);
        line.push(']');
    }
    line.push_str(r#"],"body":"#);
    write_bytes(body, line);
    let keeps_open = keeps_open.map_or("null".to_owned(), |it| it.to_string());
    write!(line, r#","keeps_open":{keeps_open}}}"#).expect("a string takes everything");
}

/// Appends a JSON string with a character for each byte.
fn write_bytes(bytes: &[u8], line: &mut String) {
    line.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => line.extend(['\\', char::from(byte)]),
            b' '..=b'~' => line.push(char::from(byte)),
            _ => write!(line, "\\u{byte:04x}").expect("a string takes everything"),
        }
    }
    line.push('"');
}
