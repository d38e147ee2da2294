//! Durations and sizes: a number and a unit.

/// The longest duration, in milliseconds: a year. A longer one is probably a wrong unit, and adding
/// a year to the current time cannot overflow.
pub(crate) const LONGEST_DURATION: i64 = 365 * 24 * 3600 * 1000;

const TIMES: [(&str, f64); 4] =
    [("ms", 1.0), ("s", 1000.0), ("m", 60.0 * 1000.0), ("h", 3600.0 * 1000.0)];

const SIZES: [(&str, f64); 9] = [
    ("B", 1.0),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1024.0 * 1024.0),
    ("GiB", 1024.0 * 1024.0 * 1024.0),
    ("TiB", 1024.0 * 1024.0 * 1024.0 * 1024.0),
];

/// Milliseconds of `500ms`, `30s`, `5m`, `1h`, or of seconds without a unit.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    if let Some(seconds) = parse_whole(text) {
        #[expect(clippy::cast_precision_loss, reason = "the longest duration is far below 2^53")]
        return milliseconds(seconds as f64);
    }
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return milliseconds(number);
    }
    let (_, factor) = TIMES.iter().find(|(name, _)| *name == unit)?;
    whole(number * factor, LONGEST_DURATION)
}

/// Converts seconds to milliseconds. The result is zero only for zero.
pub(crate) fn milliseconds(seconds: f64) -> Option<i64> {
    whole(seconds * 1000.0, LONGEST_DURATION)
}

/// Bytes of `64KiB`, `10MB`, or of a number without a unit. Units are case-insensitive.
pub(crate) fn parse_size(text: &str) -> Option<i64> {
    if let Some(bytes) = parse_whole(text) {
        return (bytes >= 0).then_some(bytes);
    }
    let (number, unit) = split(text)?;
    let (_, factor) = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    whole(number * factor, 1 << 53) // a float represents every whole number up to this
}

/// The number of `25%`: whole, from 1 to 100.
pub(crate) fn parse_percent(text: &str) -> Option<u8> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let percent =
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    (1..=100).contains(&percent).then_some(percent)
}

/// The text of a number of milliseconds, in the largest unit that divides it.
pub(crate) fn write_duration(milliseconds: i64) -> String {
    match milliseconds {
        0 => "0".into(),
        _ if milliseconds % 1000 != 0 => format!("{milliseconds}ms"),
        _ => format!("{}s", milliseconds / 1000),
    }
}

/// The text of a number of bytes, in the largest binary unit that divides it.
pub(crate) fn write_size(bytes: i64) -> String {
    const UNITS: [(&str, i64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    UNITS
        .iter()
        .find(|(_, size)| bytes != 0 && bytes % size == 0)
        .map_or_else(|| bytes.to_string(), |(unit, size)| format!("{}{unit}", bytes / size))
}

/// A whole number as Python's `int()` and TOML read it: `_` may stand between two digits.
pub(crate) fn parse_whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits.split('_').all(are_digits) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Splits text into its number and its unit.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number.parse().ok()?;
    Some((number, unit.trim_start()))
}

/// The nearest whole number, if it is from 0 to `most`. A positive number never becomes 0: a tenth
/// of a millisecond is rejected, because 0 has its own meaning.
fn whole(number: f64, most: i64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    #[expect(clippy::cast_precision_loss, reason = "every limit is below 2^53")]
    let rounded = (number >= 0.0 && number <= most as f64).then(|| number.round() as i64)?;
    (rounded != 0 || number == 0.0).then_some(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, milliseconds) in [
            ("30", Some(30_000)),
            ("0", Some(0)),
            ("0.25", Some(250)),
            ("1_000", Some(1_000_000)),
            ("500ms", Some(500)),
            ("1.5s", Some(1500)),
            ("5m", Some(300_000)),
            ("2 h", Some(7_200_000)),
            ("", None),
            ("s", None),
            ("-1", None),
            ("5 minutes", None),
            ("0.0001", None),
            ("9000h", None),
            ("1.2.3", None),
            ("inf", None),
            ("1e3", None),
        ] {
            assert_eq!(parse_duration(text), milliseconds, "{text:?}");
        }
    }

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (text, bytes) in [
            ("512", Some(512)),
            (" +512 ", Some(512)),
            ("1_073_741_824", Some(1 << 30)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("64KiB", Some(65_536)),
            ("10MB", Some(10_000_000)),
            ("1.5 mib", Some(1_572_864)),
            ("1.5", None),
            ("64K", None),
            ("-1", None),
            ("9007199254740993TB", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn a_percentage_is_a_whole_number_from_1_to_100() {
        for (text, percent) in [
            ("1%", Some(1)),
            (" 25 % ", Some(25)),
            ("100%", Some(100)),
            ("0%", None),
            ("101%", None),
            ("+5%", None),
            ("2.5%", None),
            ("%", None),
            ("25", None),
        ] {
            assert_eq!(parse_percent(text), percent, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for milliseconds in [0, 1, 250, 1000, 1500, 120_000, LONGEST_DURATION] {
            assert_eq!(parse_duration(&write_duration(milliseconds)), Some(milliseconds));
        }
        for bytes in [0, 1, 1000, 1024, 524_288, 1 << 20, 1 << 30, (1 << 30) + 1] {
            assert_eq!(parse_size(&write_size(bytes)), Some(bytes));
        }
    }
}
