//! The fields of a JSON line as others name them (`log-fields`): Google Cloud Logging, and the Elastic
//! Common Schema. What they have no name for keeps ours.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::json::Fields;

/// The version of the Elastic Common Schema whose fields these are.
pub const ECS_VERSION: &str = "8.11.0";

/// The fields as Cloud Logging reads them: `httpRequest` is shown in its list of records.
/// <https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#httprequest>
pub(super) struct Google<'a>(pub(super) &'a Fields<'a>);

/// The request in there. Sizes are text, because JSON has no numbers of 64 bits there.
struct GoogleRequest<'a>(&'a Fields<'a>);

/// The fields as the Elastic Common Schema names them.
/// <https://www.elastic.co/docs/reference/ecs/ecs-field-reference>
pub(super) struct Ecs<'a>(pub(super) &'a Fields<'a>);

impl Serialize for Google<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &fields.time)?;
        map.serialize_entry("severity", severity(fields.status))?;
        map.serialize_entry("httpRequest", &GoogleRequest(fields))?;
        some(&mut map, "logging.googleapis.com/trace", fields.trace_id)?;
        map.serialize_entry("remote_addr", fields.remote_addr)?;
        map.serialize_entry("result", fields.result)?;
        some(&mut map, "app_time", fields.app_time)?;
        some(&mut map, "queue_time", fields.queue_time)?;
        map.serialize_entry("worker", &fields.worker)?;
        some(&mut map, "thread", fields.thread.as_deref())?;
        some(&mut map, "request_id", fields.request_id)?;
        some(&mut map, "host", fields.host.as_deref())?;
        map.end()
    }
}

impl Serialize for GoogleRequest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0;
        let mut map = serializer.serialize_map(None)?;
        some(&mut map, "requestMethod", fields.method)?;
        some(&mut map, "requestUrl", fields.target.as_deref())?;
        map.serialize_entry("requestSize", &fields.request_bytes.to_string())?;
        map.serialize_entry("status", &fields.status)?;
        map.serialize_entry("responseSize", &fields.bytes.to_string())?;
        some(&mut map, "userAgent", fields.user_agent.as_deref())?;
        map.serialize_entry("remoteIp", fields.client_addr)?;
        some(&mut map, "referer", fields.referer.as_deref())?;
        map.serialize_entry("latency", &format!("{:.9}s", fields.duration))?;
        some(&mut map, "protocol", fields.protocol)?;
        map.end()
    }
}

impl Serialize for Ecs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("@timestamp", &fields.time)?;
        map.serialize_entry("log.level", &severity(fields.status).to_lowercase())?;
        let (method, target) = (fields.method.unwrap_or("-"), fields.target.as_deref());
        let message = format!("{method} {} {}", target.unwrap_or("-"), fields.status);
        map.serialize_entry("message", &message)?;
        map.serialize_entry("ecs.version", ECS_VERSION)?;
        map.serialize_entry("event.dataset", "maitred.access")?;
        map.serialize_entry("event.duration", &nanoseconds(fields.duration))?;
        map.serialize_entry("source.address", fields.remote_addr)?;
        map.serialize_entry("client.address", fields.client_addr)?;
        some(&mut map, "http.request.method", fields.method)?;
        some(&mut map, "url.original", fields.target.as_deref())?;
        some(&mut map, "url.domain", fields.host.as_deref())?;
        let version = fields.protocol.map(|protocol| protocol.trim_start_matches("HTTP/"));
        some(&mut map, "http.version", version)?;
        map.serialize_entry("http.response.status_code", &fields.status)?;
        map.serialize_entry("http.response.body.bytes", &fields.bytes)?;
        map.serialize_entry("http.request.body.bytes", &fields.request_bytes)?;
        some(&mut map, "http.request.id", fields.request_id)?;
        some(&mut map, "http.request.referrer", fields.referer.as_deref())?;
        some(&mut map, "user_agent.original", fields.user_agent.as_deref())?;
        some(&mut map, "trace.id", fields.trace_id)?;
        some(&mut map, "process.thread.name", fields.thread.as_deref())?;
        map.serialize_entry("maitred.worker", &fields.worker)?;
        map.serialize_entry("maitred.result", fields.result)?;
        some(&mut map, "maitred.app_time", fields.app_time)?;
        some(&mut map, "maitred.queue_time", fields.queue_time)?;
        map.end()
    }
}

/// Adds a field that is known.
fn some<M: SerializeMap>(
    map: &mut M,
    name: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

/// How severe a response is.
const fn severity(status: u16) -> &'static str {
    match status {
        500.. => "ERROR",
        400.. => "WARNING",
        _ => "INFO",
    }
}

/// Whole nanoseconds, as the schema has durations.
fn nanoseconds(seconds: f64) -> u128 {
    std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_nanos()
}
