//! An access log line as one JSON object. The serializer escapes what JSON requires, and this file
//! everything else that could end a line or control a terminal; bytes that are not UTF-8 become
//! U+FFFD.

use std::borrow::Cow;
use std::io;

use maitred_http_parser::RequestHead;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::{Entry, Line};
use crate::telemetry::calendar::Utc;
use crate::telemetry::trace_context::trace_id;

/// The fields of a line. Unknown values are omitted.
#[derive(Serialize)]
struct Fields<'a> {
    time: String,
    remote_addr: &'a str,
    client_addr: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    status: u16,
    result: &'static str,
    bytes: u64,
    request_bytes: u64,
    duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_time: Option<f64>,
    worker: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<Cow<'a, str>>,
}

/// Appends a line, without its end.
pub(super) fn write(out: &mut Vec<u8>, line: &Line<'_>) {
    let Entry { record, ended_at } = line.entry;
    let head = record.head.as_deref();
    let field = |name| {
        let value = record.request_field(name)?;
        Some(String::from_utf8_lossy(line.queries.of_named(name, value)))
    };
    let fields = Fields {
        time: Utc::of(line.ended_at).rfc3339(),
        remote_addr: &record.client.peer.host,
        client_addr: record.client.address(),
        method: head.map(RequestHead::method),
        target: head.map(|head| String::from_utf8_lossy(line.queries.of_url(head.target()))),
        protocol: head.map(|head| head.version().as_str()),
        status: record.code(),
        result: record.result_name(),
        bytes: record.response_body_bytes,
        request_bytes: record.request_body_bytes,
        duration: ended_at.saturating_duration_since(record.received_at).as_secs_f64(),
        app_time: record.answered_in().map(|time| time.as_secs_f64()),
        queue_time: record.queued_for().map(|time| time.as_secs_f64()),
        worker: line.worker,
        thread: record.thread.map(|thread| format!("maitred-{thread}")),
        request_id: record.request_id.as_deref(),
        trace_id: record.request_field("traceparent").and_then(trace_id),
        host: head.and_then(RequestHead::host).map(String::from_utf8_lossy),
        user_agent: field("user-agent"),
        referer: field("referer"),
    };
    let mut serializer = Serializer::with_formatter(out, OneLine);
    fields.serialize(&mut serializer).expect("a line holds nothing but text and numbers");
}

/// Compact JSON that also escapes DEL, the C1 control characters (among them NEL) and the separators
/// U+2028 and U+2029, which some readers take for a line end.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: io::Write + ?Sized,
    {
        let mut written = 0;
        for (at, character) in fragment.char_indices() {
            if matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}') {
                writer.write_all(&fragment.as_bytes()[written..at])?;
                write!(writer, "\\u{:04x}", u32::from(character))?;
                written = at + character.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_some_reader_takes_for_the_end_of_a_line_is_escaped() {
        let text = "a\u{85}b\u{2028}c\u{2029}d\u{7f}e\n\u{1b}é\u{9b}";
        let mut out = Vec::new();
        text.serialize(&mut Serializer::with_formatter(&mut out, OneLine)).expect("text");
        let line = String::from_utf8(out).expect("UTF-8");
        assert_eq!(line, r#""a\u0085b\u2028c\u2029d\u007fe\n\u001bé\u009b""#);
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), text);
    }
}
