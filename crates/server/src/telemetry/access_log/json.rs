//! An access log line as one JSON object. Bytes that are not UTF-8 become U+FFFD.

use std::borrow::Cow;

use maitred_config::LogFields;
use maitred_http_parser::RequestHead;
use serde::Serialize;

use super::dialects::{Ecs, Google};
use super::{Entry, Line};
use crate::telemetry::calendar::Utc;
use crate::telemetry::json_line;
use crate::telemetry::trace_context::trace_id;

/// The fields of a line. Unknown values are omitted.
#[derive(Serialize)]
pub(super) struct Fields<'a> {
    pub(super) time: String,
    pub(super) remote_addr: &'a str,
    pub(super) client_addr: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protocol: Option<&'static str>,
    pub(super) status: u16,
    pub(super) result: &'static str,
    pub(super) bytes: u64,
    pub(super) request_bytes: u64,
    pub(super) duration: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) queue_time: Option<f64>,
    pub(super) worker: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thread: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) referer: Option<Cow<'a, str>>,
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
    match line.names {
        LogFields::Plain => json_line::write(out, &fields),
        LogFields::Google => json_line::write(out, &Google(&fields)),
        LogFields::Ecs => json_line::write(out, &Ecs(&fields)),
    }
}
