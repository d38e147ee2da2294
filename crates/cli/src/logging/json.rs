//! Formats a log record as one JSON object, with the names of fields that `log-fields` asks for.

use std::borrow::Cow;

use maitred_config::LogFields;
use maitred_server::telemetry::calendar::Utc;
use maitred_server::telemetry::{ECS_VERSION, json_line};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::ERRORS;
use super::line::level;
use super::queue::{Record, Severity, Value};

/// Appends the record as a line.
pub(super) fn write(out: &mut Vec<u8>, record: &Record, names: LogFields) {
    if record.logger == ERRORS && is_object(&record.message) {
        out.extend_from_slice(record.message.as_bytes());
    } else {
        json_line::write(out, &Object { record, names });
    }
    out.push(b'\n');
}

/// Whether the application has written a JSON object, which is a record already.
fn is_object(text: &str) -> bool {
    text.starts_with('{')
        && !text.contains(char::is_control)
        && serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok()
}

struct Object<'a> {
    record: &'a Record,
    names: LogFields,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { record, names } = *self;
        let time = Utc::of(record.time).rfc3339();
        let severity = severity(record.severity, names);
        let mut map = serializer.serialize_map(None)?;
        // The first three in the order of the logging specification of ECS.
        let mut taken = match names {
            LogFields::Plain => vec!["time", "level", "message", "logger", "thread"],
            LogFields::Google => vec!["time", "severity", "message", "logger", "thread"],
            LogFields::Ecs => {
                vec!["@timestamp", "log.level", "message", "log.logger", "process.thread.name"]
            }
        };
        let values = [&time, &*severity, &record.message, &record.logger, &record.thread];
        for (name, value) in taken.iter().zip(values) {
            map.serialize_entry(name, value)?;
        }
        if names == LogFields::Ecs {
            map.serialize_entry("ecs.version", ECS_VERSION)?;
            taken.push("ecs.version");
        }
        let author = Author::of(record);
        let mut given: Vec<Cow<'_, str>> = taken.into_iter().map(Cow::from).collect();
        for (name, value) in &record.fields {
            let (name, value) = renamed(name, value, names, author);
            // What an application adds cannot replace what is there.
            if !given.contains(&name) {
                map.serialize_entry(&name, &value)?;
                given.push(name);
            }
        }
        map.end()
    }
}

/// Who has named the fields of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    Server,
    Application,
}

impl Author {
    fn of(record: &Record) -> Self {
        let logger = &*record.logger;
        if logger == "maitred" || logger.starts_with("maitred.") {
            Self::Server
        } else {
            Self::Application
        }
    }
}

/// The name of a field in the dialect, and its value in the unit that it has there.
fn renamed<'a>(
    name: &'a str,
    value: &'a Value,
    names: LogFields,
    author: Author,
) -> (Cow<'a, str>, Cow<'a, Value>) {
    let value = Cow::Borrowed(value);
    let name = match (names, name) {
        (LogFields::Google, "traceback") => "stack_trace",
        (LogFields::Plain | LogFields::Google, name) => name,
        (LogFields::Ecs, "exception") => "error.type",
        (LogFields::Ecs, "traceback") => "error.stack_trace",
        (LogFields::Ecs, name) if author == Author::Application => name,
        (LogFields::Ecs, "method") => "http.request.method",
        (LogFields::Ecs, "path") => "url.path",
        (LogFields::Ecs, "status") => "http.response.status_code",
        (LogFields::Ecs, "request_id") => "http.request.id",
        (LogFields::Ecs, "client") => "client.address",
        (LogFields::Ecs, "pid") => "process.pid",
        (LogFields::Ecs, "seconds") => {
            return ("event.duration".into(), Cow::Owned(nanoseconds(&value)));
        }
        (LogFields::Ecs, name) => return (format!("maitred.{name}").into(), value),
    };
    (name.into(), value)
}

/// Seconds as whole nanoseconds.
fn nanoseconds(seconds: &Value) -> Value {
    match seconds {
        Value::Real(seconds) => {
            let duration = std::time::Duration::try_from_secs_f64(*seconds).unwrap_or_default();
            Value::Whole(i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX))
        }
        other => other.clone(),
    }
}

/// The severity as the dialect spells it.
fn severity(severity: Severity, names: LogFields) -> Cow<'static, str> {
    match (names, severity) {
        (LogFields::Google, Severity::Trace) => "DEBUG".into(),
        (LogFields::Google, severity) => level(severity).into(),
        (LogFields::Plain | LogFields::Ecs, severity) => level(severity).to_lowercase().into(),
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            // Readers have no more than 64 bits.
            Self::Whole(number) => match i64::try_from(*number) {
                Ok(number) => serializer.serialize_i64(number),
                Err(_) => serializer.serialize_str(&number.to_string()),
            },
            Self::Real(number) => serializer.serialize_f64(*number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn written(
        logger: &'static str,
        message: &str,
        fields: &[(&'static str, Value)],
        names: LogFields,
    ) -> String {
        let record = Record {
            time: UNIX_EPOCH + Duration::from_millis(1_795_383_901_042),
            severity: Severity::Warning,
            logger: logger.into(),
            thread: "maitred-0".into(),
            message: message.into(),
            fields: fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect(),
            exception: None,
        };
        let mut out = Vec::new();
        write(&mut out, &record, names);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_object_on_one_line() {
        let fields = [("seconds", Value::Real(0.5)), ("level", Value::Text("mine".into()))];
        assert_eq!(
            written("maitred", "it \u{1b}[31mhappened\r\n\u{2028}", &fields, LogFields::Plain),
            "{\"time\":\"2026-11-22T21:45:01.042Z\",\"level\":\"warning\",\"message\":\
             \"it \\u001b[31mhappened\\r\\n\\u2028\",\"logger\":\"maitred\",\"thread\":\"maitred-0\",\
             \"seconds\":0.5}\n",
        );
    }

    #[test]
    fn fields_are_called_as_others_call_them_in_their_units() {
        let fields = [
            ("method", Value::Text("GET".into())),
            ("seconds", Value::Real(0.25)),
            ("traceback", Value::Text("T".into())),
            ("waiting", Value::Whole(7)),
        ];
        assert_eq!(
            written("maitred", "m", &fields, LogFields::Google),
            "{\"time\":\"2026-11-22T21:45:01.042Z\",\"severity\":\"WARNING\",\"message\":\"m\",\
             \"logger\":\"maitred\",\"thread\":\"maitred-0\",\"method\":\"GET\",\"seconds\":0.25,\
             \"stack_trace\":\"T\",\"waiting\":7}\n",
        );
        assert_eq!(
            written("maitred", "m", &fields, LogFields::Ecs),
            "{\"@timestamp\":\"2026-11-22T21:45:01.042Z\",\"log.level\":\"warning\",\"message\":\"m\",\
             \"log.logger\":\"maitred\",\"process.thread.name\":\"maitred-0\",\"ecs.version\":\"8.11.0\",\
             \"http.request.method\":\"GET\",\"event.duration\":250000000,\
             \"error.stack_trace\":\"T\",\"maitred.waiting\":7}\n",
        );
        // What the application adds has the name that it gave.
        let line = written("shop", "m", &fields[3..], LogFields::Ecs);
        assert!(line.ends_with(",\"waiting\":7}\n"), "{line}");
    }

    #[test]
    fn an_object_that_the_application_has_written_is_a_record_already() {
        let object = "{\"event\": \"paid\"}";
        assert_eq!(written(ERRORS, object, &[], LogFields::Plain), format!("{object}\n"));
        for (logger, text) in
            [("maitred", object), (ERRORS, "{} and more"), (ERRORS, "{\n}"), (ERRORS, "[1]")]
        {
            let line = written(logger, text, &[], LogFields::Plain);
            assert!(line.starts_with("{\"time\":"), "{line}");
        }
    }
}
