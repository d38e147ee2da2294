//! Formats timestamps for logs, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// A date and a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    year: i64,
    month: u32,
    day: u32,
    hour: u64,
    minute: u64,
    second: u64,
    millisecond: u32,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const SECONDS_OF_DAY: u64 = 24 * 60 * 60;

impl Utc {
    /// Date and time of day in UTC. A time before 1970 becomes the beginning of 1970.
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, seconds) = (since.as_secs() / SECONDS_OF_DAY, since.as_secs() % SECONDS_OF_DAY);
        let (year, month, day) = date(i64::try_from(days).unwrap_or(0));
        Self {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millisecond: since.subsec_millis(),
        }
    }

    /// As the Common Log Format has it: `[10/Oct/2000:13:55:36 +0000]`. Nearly every line has one,
    /// so the digits are written without the formatter, whose work would be a third of the line's.
    pub(crate) fn write_common(self, out: &mut Vec<u8>) {
        let Self { year, month, day, hour, minute, second, .. } = self;
        let year = year.unsigned_abs();
        out.push(b'[');
        two_digits(out, day.into());
        out.push(b'/');
        out.extend_from_slice(MONTHS[(month - 1) as usize].as_bytes());
        out.push(b'/');
        two_digits(out, year / 100);
        two_digits(out, year % 100);
        for part in [hour, minute, second] {
            out.push(b':');
            two_digits(out, part);
        }
        out.extend_from_slice(b" +0000]");
    }

    /// RFC 3339, to the millisecond: `2000-10-10T13:55:36.123Z`.
    pub fn rfc3339(self) -> String {
        let Self { year, month, day, hour, minute, second, millisecond } = self;
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

/// The last two digits of a number.
fn two_digits(out: &mut Vec<u8>, number: u64) {
    out.extend([number / 10 % 10, number % 10].map(|digit| b'0' + digit as u8));
}

/// Year, month (from 1) and day (from 1) of a number of days since 1970. The year is counted from
/// March, so that the leap day is its last, in eras of 400 years, which all have equally many days.
fn date(days: i64) -> (i64, u32, u32) {
    const DAYS_OF_ERA: i64 = 146_097;
    const MARCH_OF_YEAR_ZERO: i64 = 719_468;
    let days = days + MARCH_OF_YEAR_ZERO;
    let (era, of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64, millis: u64) -> Utc {
        Utc::of(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis))
    }

    #[test]
    fn dates_are_right_on_leap_days_and_at_the_turn_of_years_and_centuries() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (971_186_136, "2000-10-10T13:55:36.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_735_689_599, "2024-12-31T23:59:59.007Z"),
            (4_107_542_399, "2100-02-28T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            assert_eq!(at(seconds, 7).rfc3339(), date);
        }
        let mut common = Vec::new();
        at(971_186_136, 0).write_common(&mut common);
        assert_eq!(common, b"[10/Oct/2000:13:55:36 +0000]");
    }
}
