//! How a record looks on stderr: one line of text for people, or one JSON object (`log-format`).
//!
//! A record may repeat what a client sent. In text, control characters are written as escapes, so
//! that nobody can forge a line or paint the terminal; JSON escapes them anyway. Only what came
//! from the application, a `traceback` or a `stack`, keeps its lines: they follow the record, each
//! indented, so that it is clear where the record ends.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use maitred_config::LogFormat;

use super::ERRORS;
use super::queue::{Record, Severity, Value};

/// Fields that are printed as a block of lines below the record.
const BLOCKS: [&str; 2] = ["traceback", "stack"];

/// Appends the record as a line.
pub(super) fn write_line(out: &mut Vec<u8>, record: &Record, format: LogFormat) {
    match format {
        LogFormat::Text => write_text(out, record),
        LogFormat::Json => write_json(out, record),
    }
}

fn write_text(out: &mut Vec<u8>, record: &Record) {
    if record.logger == ERRORS {
        let mut line = String::new();
        escape(&mut line, &record.message);
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
        return;
    }
    let mut line = timestamp(record.time);
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
                escape(&mut line, &text.replace('"', "\\\""));
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
    object.insert("time".into(), timestamp(record.time).into());
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
    // A map of strings and numbers can always be written, and a vector always takes it.
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

/// The time in UTC as RFC 3339 has it, to the millisecond: `2026-11-22T21:45:01.042Z`.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil_date(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

/// Year, month and day, so many days after 1 January 1970, in the Gregorian calendar.
///
/// Counted in years that begin on 1 March, where the leap day is the last: months then have 31 and
/// 30 days in a pattern of five (153 days), and 400 years always have 146,097.
fn civil_date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // days from 1 March of the year 0 to 1 January 1970
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(fields: Vec<(&'static str, Value)>, format: LogFormat, expected: &str) {
        let record = Record {
            time: UNIX_EPOCH + Duration::from_millis(1_795_383_901_042),
            severity: Severity::Warning,
            logger: "maitred",
            thread: "maitred-0".into(),
            message: "it \u{1b}[31mhappened\r\n".into(),
            fields,
        };
        let mut out = Vec::new();
        write_line(&mut out, &record, format);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn text_cannot_be_forged_by_what_a_client_sent() {
        check(
            vec![("path", Value::Text("/a b".into())), ("count", Value::Whole(3))],
            LogFormat::Text,
            "2026-11-22T21:45:01.042Z WARNING it \\u{1b}[31mhappened\\r\\n path=\"/a b\" count=3\n",
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

    #[test]
    fn dates_are_right_at_the_ends_of_months_years_and_centuries() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(civil_date(58), (1970, 2, 28));
        assert_eq!(civil_date(59), (1970, 3, 1));
        assert_eq!(civil_date(364), (1970, 12, 31));
        assert_eq!(civil_date(11_016), (2000, 2, 29));
        assert_eq!(civil_date(47_540), (2100, 2, 28));
        assert_eq!(civil_date(47_541), (2100, 3, 1));
    }
}
