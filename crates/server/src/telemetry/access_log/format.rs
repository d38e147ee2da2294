//! Writes a line of the access log: the fields of a pattern, or JSON. The config crate declares the
//! fields and takes patterns apart.
//!
//! Values that a client controls cannot end a line, break out of their quotes or control a
//! terminal: quotes, backslashes and everything but visible ASCII are escaped.

use std::io::Write as _;

use maitred_config::{AccessLogField, AccessLogFormat, AccessLogPiece};
use maitred_http_parser::RequestHead;

use super::queries::Queries;
use super::{Line, console, json};
use crate::telemetry::calendar::Utc;
use crate::telemetry::console::Colours;
use crate::telemetry::record::Record;
use crate::telemetry::trace_context::trace_id;

/// Appends a line, without its end.
pub(super) fn write(
    format: &AccessLogFormat,
    colours: Colours,
    out: &mut Vec<u8>,
    line: &Line<'_>,
) {
    let pieces = match format {
        AccessLogFormat::Console => return console::write(out, line, colours),
        AccessLogFormat::Json => return json::write(out, line),
        AccessLogFormat::Pattern(pieces) => pieces,
    };
    let Record { logged, .. } = &line.entry.record;
    // One value for each such piece, in the same order; none where nothing is known.
    let mut response_fields = logged.iter().flat_map(|values| &values.response_fields);
    let mut environ = logged.iter().flat_map(|values| &values.environ_variables);
    for piece in pieces {
        let (name, value) = match piece {
            AccessLogPiece::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                continue;
            }
            AccessLogPiece::Field(field) => {
                write_field(*field, out, line);
                continue;
            }
            AccessLogPiece::RequestField(name) => (name, line.entry.record.request_field(name)),
            AccessLogPiece::ResponseField(name) => {
                (name, response_fields.next().and_then(Option::as_deref))
            }
            AccessLogPiece::EnvironVariable(name) => {
                (name, environ.next().and_then(Option::as_deref))
            }
        };
        or_dash(out, value.map(|value| line.queries.of_named(name, value)));
    }
}

fn write_field(field: AccessLogField, out: &mut Vec<u8>, line: &Line<'_>) {
    let record = &line.entry.record;
    let head = record.head.as_deref();
    let took = line.entry.ended_at.saturating_duration_since(record.received_at);
    // Writing to a Vec cannot fail.
    let _ = match field {
        AccessLogField::Client => return escape(out, record.client.address().as_bytes()),
        AccessLogField::Peer => return escape(out, record.client.peer.host.as_bytes()),
        AccessLogField::Identity | AccessLogField::User => write!(out, "-"),
        AccessLogField::Time => return Utc::of(line.ended_at).write_common(out),
        AccessLogField::RequestLine => return request_line(out, head, line.queries),
        AccessLogField::Method => return or_dash(out, head.map(|head| head.method().as_bytes())),
        AccessLogField::Path => return or_dash(out, head.map(RequestHead::path)),
        AccessLogField::Query => {
            return escape(out, head.map(|head| line.queries.query(head)).unwrap_or_default());
        }
        AccessLogField::Protocol => {
            write!(out, "{}", head.map_or("-", |head| head.version().as_str()))
        }
        AccessLogField::Status => write!(out, "{}", record.code()),
        AccessLogField::BytesOrDash if record.response_body_bytes == 0 => write!(out, "-"),
        AccessLogField::Bytes | AccessLogField::BytesOrDash => {
            write!(out, "{}", record.response_body_bytes)
        }
        AccessLogField::Referer => {
            let referer = record.request_field("referer");
            return or_dash(out, referer.map(|value| line.queries.of_url(value)));
        }
        AccessLogField::UserAgent => return or_dash(out, record.request_field("user-agent")),
        AccessLogField::Seconds => write!(out, "{}", took.as_secs()),
        AccessLogField::Milliseconds => write!(out, "{}", took.as_millis()),
        AccessLogField::Microseconds => write!(out, "{}", took.as_micros()),
        AccessLogField::ExactSeconds => write!(out, "{:.6}", took.as_secs_f64()),
        AccessLogField::ProcessId => write!(out, "<{}>", std::process::id()),
        AccessLogField::Host => return or_dash(out, head.and_then(RequestHead::host)),
        AccessLogField::AppSeconds => {
            duration(out, record.answered_in().map(|time| time.as_secs_f64()))
        }
        AccessLogField::QueueSeconds => {
            duration(out, record.queued_for().map(|time| time.as_secs_f64()))
        }
        AccessLogField::Worker => write!(out, "{}", line.worker),
        AccessLogField::Thread => match record.thread {
            Some(thread) => write!(out, "maitred-{thread}"),
            None => write!(out, "-"),
        },
        AccessLogField::RequestId => {
            return or_dash(out, record.request_id.as_deref().map(str::as_bytes));
        }
        AccessLogField::TraceId => {
            let trace = record.request_field("traceparent").and_then(trace_id);
            return or_dash(out, trace.map(str::as_bytes));
        }
        AccessLogField::Result => write!(out, "{}", record.result_name()),
    };
}

fn duration(out: &mut Vec<u8>, seconds: Option<f64>) -> std::io::Result<()> {
    match seconds {
        Some(seconds) => write!(out, "{seconds:.6}"),
        None => write!(out, "-"),
    }
}

fn request_line(out: &mut Vec<u8>, head: Option<&RequestHead>, queries: Queries) {
    let Some(head) = head else { return out.push(b'-') };
    escape(out, head.method().as_bytes());
    out.push(b' ');
    escape(out, queries.of_url(head.target()));
    out.push(b' ');
    out.extend_from_slice(head.version().as_str().as_bytes());
}

fn or_dash(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) if !value.is_empty() => escape(out, value),
        _ => out.push(b'-'),
    }
}

/// Appends `bytes`, escaping everything except visible ASCII, and quotes and backslashes.
pub(super) fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
        let (plain, byte) = (&rest[..at], rest[at]);
        rest = &rest[at + 1..];
        out.extend_from_slice(plain);
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digit = |value: u8| DIGITS[usize::from(value)];
                out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out.extend_from_slice(rest);
}

/// Whether a byte is written without escaping.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_leave_their_line_or_their_quotes(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)
        ) {
            let mut out = Vec::new();
            escape(&mut out, &bytes);
            assert!(out.iter().all(|byte| matches!(byte, b' '..=b'~')));
            // Every quote has an odd number of backslashes before it, and so is no end.
            let mut is_escaped = false;
            for byte in out {
                assert!(byte != b'"' || is_escaped);
                is_escaped = byte == b'\\' && !is_escaped;
            }
        }
    }
}
