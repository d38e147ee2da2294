//! A line of the access log for a person: time, status, duration, size, and the request.
//!
//! What has a fixed width comes first, so that the requests stand below each other.

use std::time::Duration;

use super::Line;
use super::format::escape;
use crate::telemetry::console::{Colours, Tone, time_of_day};
use crate::telemetry::record::{Record, RequestOutcome};

/// A response that took longer is worth a look.
const SLOW: Duration = Duration::from_millis(500);

/// Appends a line, without its end.
pub(super) fn write(out: &mut Vec<u8>, line: &Line<'_>, colours: Colours) {
    let record = &line.entry.record;
    let took = line.entry.ended_at.saturating_duration_since(record.received_at);
    let mut text = String::new();
    colours.write(&mut text, Tone::Quiet, &time_of_day(line.ended_at));
    text.push_str("  ");
    colours.write(&mut text, tone(record.code()), &record.code().to_string());
    let pace = if took >= SLOW { Tone::Doubtful } else { Tone::Quiet };
    colours.write(&mut text, pace, &format!("{:>9}", duration(took)));
    colours.write(&mut text, Tone::Quiet, &format!("{:>10}", size(record.response_body_bytes)));
    text.push_str("  ");
    out.extend_from_slice(text.as_bytes());
    request(out, record, line);
}

fn request(out: &mut Vec<u8>, record: &Record, line: &Line<'_>) {
    let Some(head) = &record.head else { return out.push(b'-') };
    escape(out, head.method().as_bytes());
    out.push(b' ');
    escape(out, line.queries.of_url(head.target()));
    match record.outcome {
        RequestOutcome::Complete => {}
        RequestOutcome::Cut => out.extend_from_slice(b" (cut)"),
        RequestOutcome::Abandoned(_) => out.extend_from_slice(b" (client left)"),
    }
}

fn tone(status: u16) -> Tone {
    match status {
        ..300 => Tone::Good,
        300..400 => Tone::Elsewhere,
        400..500 => Tone::Doubtful,
        500.. => Tone::Bad,
    }
}

/// `0.4 ms`, `12 ms`, `1.2 s`.
fn duration(took: Duration) -> String {
    let milliseconds = took.as_secs_f64() * 1000.0;
    match milliseconds {
        ..9.95 => format!("{milliseconds:.1} ms"),
        9.95..999.5 => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}

/// `512 B`, `3.4 kB`, `12 MB`.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let unit = UNITS[unit];
    if size < 9.95 { format!("{size:.1} {unit}") } else { format!("{size:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_short_and_never_wider_than_their_column() {
        let times = [(0, "0.0 ms"), (420, "0.4 ms"), (9_949, "9.9 ms"), (9_950, "10 ms")];
        for (microseconds, text) in times {
            assert_eq!(duration(Duration::from_micros(microseconds)), text);
        }
        assert_eq!(duration(Duration::from_millis(999)), "999 ms");
        assert_eq!(duration(Duration::from_micros(999_500)), "1.0 s");
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (123_000_000_000, "123 GB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
