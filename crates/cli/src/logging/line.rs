//! Formats a log record: one line of text, or one JSON object (`log-format`).
//!
//! A record may contain data from a client. In text, control characters are escaped, so that a
//! client can neither forge a line nor send escape sequences to a terminal; JSON escapes them
//! anyway. The application's own text keeps its lines, and its colours on a terminal. Otherwise only a
//! `traceback` or a `stack`, which come from the application, may have several lines; they follow the
//! record, indented.

use maitred_config::{ColourUse, LogFields, LogFormat, ObservabilitySettings};
use maitred_server::telemetry::calendar::Utc;
use maitred_server::telemetry::console::{Colours, Tone, time_of_day};

use super::queue::{Record, Severity, Value};
use super::{ERRORS, json};

/// Fields that are printed as a block of lines below the record.
const BLOCKS: [&str; 2] = ["traceback", "stack"];

/// Fields that say which process it was. A developer has one.
const OF_PROCESSES: [&str; 2] = ["worker", "pid"];

/// What the log is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// A terminal, which shows the application's colours.
    Terminal,
    /// A program or a file.
    Other,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFormat {
    /// For people.
    Text,
    /// For a person at a terminal, with these colours.
    Console(ColourUse),
    /// As JSON objects, with these names of fields.
    Json(LogFields),
}

impl From<&ObservabilitySettings> for LineFormat {
    fn from(settings: &ObservabilitySettings) -> Self {
        match settings.log_format {
            LogFormat::Text => Self::Text,
            LogFormat::Console => Self::Console(settings.colours),
            LogFormat::Json => Self::Json(settings.log_fields),
        }
    }
}

/// Appends the record as a line.
pub(super) fn write_line(out: &mut Vec<u8>, record: &Record, format: LineFormat, medium: Medium) {
    match format {
        LineFormat::Text => {
            let beginning =
                format!("{} {} ", Utc::of(record.time).rfc3339(), level(record.severity));
            write_text(out, record, beginning, medium, &[]);
        }
        LineFormat::Console(wanted) => {
            let colours = match wanted {
                ColourUse::OnTerminals if medium == Medium::Other => Colours::Off,
                ColourUse::OnTerminals | ColourUse::Always => Colours::On,
                ColourUse::Never => Colours::Off,
            };
            let beginning = beginning_of_console(record, colours);
            write_text(out, record, beginning, medium, &OF_PROCESSES);
        }
        LineFormat::Json(names) => json::write(out, record, names),
    }
}

/// The time and the severity, where that says more than that all is well.
fn beginning_of_console(record: &Record, colours: Colours) -> String {
    let mut line = String::new();
    colours.write(&mut line, Tone::Quiet, &time_of_day(record.time));
    line.push_str("  ");
    let tone = match record.severity {
        Severity::Info => return line,
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Doubtful,
        Severity::Debug | Severity::Trace => Tone::Quiet,
    };
    colours.write(&mut line, tone, level(record.severity));
    line.push(' ');
    line
}

/// A line that the application has written.
fn write_own_line(out: &mut Vec<u8>, text: &str, medium: Medium) {
    let mut line = String::new();
    for part in text.split_inclusive(ESCAPE) {
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
}

/// Appends the record behind the beginning of its line, without the fields that are `left_out`.
fn write_text(
    out: &mut Vec<u8>,
    record: &Record,
    beginning: String,
    medium: Medium,
    left_out: &[&str],
) {
    if record.logger == ERRORS {
        record.message.split('\n').for_each(|line| write_own_line(out, line, medium));
        return;
    }
    let mut line = beginning;
    if record.logger != "maitred" {
        line.push_str(&record.logger);
        line.push_str(": ");
    }
    escape(&mut line, &record.message);
    for (name, value) in &record.fields {
        if BLOCKS.contains(&&**name) || left_out.contains(&&**name) {
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
        if let (true, Value::Text(text)) = (BLOCKS.contains(&&**name), value) {
            for part in text.trim_end().lines() {
                line.push_str("    ");
                escape(&mut line, part);
                line.push('\n');
            }
        }
    }
    out.extend_from_slice(line.as_bytes());
}

/// The severity as a word in capitals.
pub(super) const fn level(severity: Severity) -> &'static str {
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

    fn check(name: &'static str, value: Value, expected: &str) {
        let record = Record {
            time: UNIX_EPOCH + Duration::from_millis(1_795_383_901_042),
            severity: Severity::Warning,
            logger: "maitred".into(),
            thread: "maitred-0".into(),
            message: "it \u{1b}[31mhappened\r\n".into(),
            fields: vec![(name.into(), value), ("count".into(), Value::Whole(3))],
            exception: None,
        };
        let mut out = Vec::new();
        write_line(&mut out, &record, LineFormat::Text, Medium::Terminal);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn colours_of_the_application_reach_a_terminal_and_nothing_else() {
        let record = Record {
            time: UNIX_EPOCH,
            severity: Severity::Warning,
            logger: ERRORS.into(),
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
        assert_eq!(written(LineFormat::Text, Medium::Terminal), "\u{1b}[31mred\u{1b}[0m\\u{7}\n");
        assert_eq!(written(LineFormat::Text, Medium::Other), "\\u{1b}[31mred\\u{1b}[0m\\u{7}\n");
        let json = LineFormat::Json(LogFields::Plain);
        assert!(!written(json, Medium::Terminal).contains('\u{1b}'));
    }

    #[test]
    fn text_cannot_be_forged_by_what_a_client_sent() {
        check(
            "path",
            Value::Text("/\\\" a=1".into()),
            "2026-11-22T21:45:01.042Z WARNING it \\u{1b}[31mhappened\\r\\n path=\"/\\\\\\\" a=1\" \
             count=3\n",
        );
    }

    #[test]
    fn a_traceback_keeps_its_lines_below_the_record() {
        check(
            "traceback",
            Value::Text("Traceback:\n  File \"x\"\nBoom\n".into()),
            "2026-11-22T21:45:01.042Z WARNING it \\u{1b}[31mhappened\\r\\n count=3\n    Traceback:\n      \
             File \"x\"\n    Boom\n",
        );
    }

    #[test]
    fn at_a_terminal_a_line_has_the_local_time_and_colours_for_what_is_not_well() {
        let written = |severity, colours, medium| {
            let record = Record {
                time: UNIX_EPOCH,
                severity,
                logger: "maitred".into(),
                thread: "main".into(),
                message: "said".into(),
                fields: vec![
                    ("worker".into(), Value::Whole(0)),
                    ("path".into(), Value::Text("/a".into())),
                ],
                exception: None,
            };
            let mut out = Vec::new();
            write_line(&mut out, &record, LineFormat::Console(colours), medium);
            String::from_utf8(out).unwrap()
        };
        let time = time_of_day(UNIX_EPOCH);
        let plain = |severity| written(severity, ColourUse::OnTerminals, Medium::Other);
        assert_eq!(plain(Severity::Info), format!("{time}  said path=/a\n"));
        assert_eq!(plain(Severity::Error), format!("{time}  ERROR said path=/a\n"));
        let coloured =
            format!("\u{1b}[2m{time}\u{1b}[0m  \u{1b}[33mWARNING\u{1b}[0m said path=/a\n");
        for (colours, medium) in
            [(ColourUse::OnTerminals, Medium::Terminal), (ColourUse::Always, Medium::Other)]
        {
            assert_eq!(written(Severity::Warning, colours, medium), coloured);
        }
        assert!(!written(Severity::Error, ColourUse::Never, Medium::Terminal).contains('\u{1b}'));
    }
}
