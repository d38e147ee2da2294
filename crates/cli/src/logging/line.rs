//! Formats a log record: one line of text, or one JSON object (`log-format`).
//!
//! A record may contain data from a client. In text, control characters are escaped, so that a
//! client can neither forge a line nor send escape sequences to a terminal; JSON escapes them
//! anyway. The application's own text keeps its colours on a terminal. Only a `traceback` or a `stack`, which come from the application, may have several
//! lines; they follow the record, indented.

use std::io::Write;

use maitred_config::LogFormat;
use maitred_server::telemetry::calendar::Utc;

use super::ERRORS;
use super::queue::{Record, Severity, Value};

/// Fields that are printed as a block of lines below the record.
const BLOCKS: [&str; 2] = ["traceback", "stack"];

/// What the log is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A terminal, which shows the application's colours.
    Terminal,
    /// A program or a file.
    Other,
}

/// Appends the record as a line.
pub(super) fn write_line(out: &mut Vec<u8>, record: &Record, format: LogFormat, medium: Medium) {
    match format {
        LogFormat::Text => write_text(out, record, medium),
        LogFormat::Json => write_json(out, record),
    }
}

fn write_text(out: &mut Vec<u8>, record: &Record, medium: Medium) {
    if record.logger == ERRORS {
        let mut line = String::new();
        for part in record.message.split_inclusive(ESCAPE) {
            match part.strip_suffix(ESCAPE) {
                Some(text) if medium == Medium::Terminal => {
                    escape(&mut line, text);
                    line.push(ESCAPE);
                }
                _ => escape(&mut line, part),
            }
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
        return;
    }
    let mut line = Utc::of(record.time).rfc3339();
    line.push(' ');
    line.push_str(level(record.severity));
    line.push(' ');
    if record.logger != "maitred" {
        line.push_str(record.logger);
        line.push_str(": ");
    }
    escape(&mut line, &record.message);
    for (name, value) in &record.fields {
        if BLOCKS.contains(name) {
            continue;
        }
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match value {
            Value::Text(text) if text.is_empty() || text.contains([' ', '"', '=']) => {
                line.push('"');
                escape(&mut line, &text.replace('\\', "\\\\").replace('"', "\\\""));
                line.push('"');
            }
            Value::Text(text) => escape(&mut line, text),
            Value::Whole(number) => line.push_str(&number.to_string()),
            Value::Real(number) => line.push_str(&number.to_string()),
            Value::Bool(truth) => line.push_str(if *truth { "true" } else { "false" }),
        }
    }
    line.push('\n');
    for (name, value) in &record.fields {
        if let (true, Value::Text(text)) = (BLOCKS.contains(name), value) {
            for part in text.trim_end().lines() {
                line.push_str("    ");
                escape(&mut line, part);
                line.push('\n');
            }
        }
    }
    out.extend_from_slice(line.as_bytes());
}

fn write_json(out: &mut Vec<u8>, record: &Record) {
    let mut object = serde_json::Map::new();
    object.insert("time".into(), Utc::of(record.time).rfc3339().into());
    object.insert("level".into(), level(record.severity).trim_end().to_lowercase().into());
    object.insert("logger".into(), record.logger.into());
    object.insert("message".into(), record.message.clone().into());
    object.insert("thread".into(), record.thread.as_ref().into());
    for (name, value) in &record.fields {
        let value = match value {
            Value::Text(text) => text.clone().into(),
            Value::Whole(number) => serde_json::Number::from_i128(*number)
                .map_or_else(|| number.to_string().into(), serde_json::Value::Number),
            Value::Real(number) => (*number).into(),
            Value::Bool(truth) => (*truth).into(),
        };
        object.entry(*name).or_insert(value);
    }
    // Writing a map of strings and numbers to a vector cannot fail.
    let _ = serde_json::to_writer(&mut *out, &object);
    let _ = out.write_all(b"\n");
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
        Severity::Debug => "DEBUG",
        Severity::Trace => "TRACE",
    }
}

/// What begins the escape sequences of terminals.
const ESCAPE: char = '\u{1b}';

/// Appends the text with control characters as escapes.
fn escape(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn check(fields: Vec<(&'static str, Value)>, format: LogFormat, expected: &str) {
        let record = Record {
            time: UNIX_EPOCH + Duration::from_millis(1_795_383_901_042),
            severity: Severity::Warning,
            logger: "maitred",
            thread: "maitred-0".into(),
            message: "it \u{1b}[31mhappened\r\n".into(),
            fields,
            exception: None,
        };
        let mut out = Vec::new();
        write_line(&mut out, &record, format, Medium::Terminal);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn colours_of_the_application_reach_a_terminal_and_nothing_else() {
        let record = Record {
            time: UNIX_EPOCH,
            severity: Severity::Warning,
            logger: ERRORS,
            thread: "maitred-0".into(),
            message: "\u{1b}[31mred\u{1b}[0m\u{7}".into(),
            fields: Vec::new(),
            exception: None,
        };
        let written = |format, medium| {
            let mut out = Vec::new();
            write_line(&mut out, &record, format, medium);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(LogFormat::Text, Medium::Terminal), "\u{1b}[31mred\u{1b}[0m\\u{7}\n");
        assert_eq!(written(LogFormat::Text, Medium::Other), "\\u{1b}[31mred\\u{1b}[0m\\u{7}\n");
        assert!(!written(LogFormat::Json, Medium::Terminal).contains('\u{1b}'));
    }

    #[test]
    fn text_cannot_be_forged_by_what_a_client_sent() {
        check(
            vec![("path", Value::Text("/\\\" a=1".into())), ("count", Value::Whole(3))],
            LogFormat::Text,
            "2026-11-22T21:45:01.042Z WARNING it \\u{1b}[31mhappened\\r\\n path=\"/\\\\\\\" a=1\" \
             count=3\n",
        );
    }

    #[test]
    fn a_traceback_keeps_its_lines_below_the_record() {
        check(
            vec![("traceback", Value::Text("Traceback:\n  File \"x\"\nBoom\n".into()))],
            LogFormat::Text,
            "2026-11-22T21:45:01.042Z WARNING it \\u{1b}[31mhappened\\r\\n\n    Traceback:\n      \
             File \"x\"\n    Boom\n",
        );
    }

    #[test]
    fn json_is_one_object_on_one_line() {
        check(
            vec![("seconds", Value::Real(0.5)), ("level", Value::Text("mine".into()))],
            LogFormat::Json,
            "{\"level\":\"warning\",\"logger\":\"maitred\",\"message\":\"it \\u001b[31mhappened\\r\
             \\n\",\"seconds\":0.5,\"thread\":\"maitred-0\",\"time\":\"2026-11-22T21:45:01.042Z\"}\
             \n",
        );
    }
}
