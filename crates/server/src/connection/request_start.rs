//! How long a request waited before it reached the server: X-Request-Start, the time at which it
//! arrived at a proxy. The caller accepts it only from trusted proxies.
//!
//! A wait is the difference of two clocks. One that is impossible, or longer than any proxy waits, tells
//! of a clock that is wrong, and nothing of the request: it is not observed at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest wait that is believed: proxies give up earlier, and a clock that is set to another time
/// zone is wrong by more.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// How much later than here it may seem to be at a proxy: clocks that are kept right differ by less.
const AHEAD_MAX: Duration = Duration::from_secs(1);

/// The wait of a request whose first byte arrived at `arrived`, by X-Request-Start: a time since 1970
/// in seconds, milliseconds or microseconds, which its size tells apart, with or without `t=` in
/// front.
pub(super) fn waited(value: &[u8], arrived: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?;
    let number: f64 = text.strip_prefix("t=").unwrap_or(text).parse().ok()?;
    let since_epoch = match number {
        number if !(1e8..1e17).contains(&number) => return None,
        micros if micros >= 1e14 => micros / 1e6,
        millis if millis >= 1e11 => millis / 1e3,
        seconds => seconds,
    };
    let arrived = arrived.duration_since(UNIX_EPOCH).ok()?;
    let began = Duration::try_from_secs_f64(since_epoch).ok()?;
    if began.saturating_sub(arrived) > AHEAD_MAX {
        return None;
    }
    let waited = arrived.saturating_sub(began);
    (waited <= WAIT_MAX).then_some(waited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_read_in_seconds_milliseconds_and_microseconds() {
        let arrived = UNIX_EPOCH + Duration::from_millis(1_512_379_167_824);
        for value in [
            "t=1512379167.574",
            "1512379167.574",
            "1512379167574",
            "t=1512379167574",
            "1512379167574000",
            "t=1512379167574000",
        ] {
            let waited = waited(value.as_bytes(), arrived).expect("a time").as_secs_f64();
            assert!((waited - 0.25).abs() < 1e-5, "{value}: {waited}");
        }
    }

    #[test]
    fn a_start_by_a_clock_that_is_wrong_is_dropped_and_not_rounded() {
        let arrived = UNIX_EPOCH + Duration::from_secs(1_512_379_167);
        let seconds = Duration::from_secs;
        for (value, expected) in [
            ("t=1512379168", Some(Duration::ZERO)), // a second ahead
            ("t=1512379169", None),
            ("t=1512382767", None), // an hour ahead: another time zone
            ("t=1512378567", Some(seconds(600))),
            ("t=1512378566", None),
            ("t=1512375567", None), // an hour behind
            ("t=1412379999", None), // years behind
        ] {
            assert_eq!(waited(value.as_bytes(), arrived), expected, "{value}");
        }
    }

    #[test]
    fn a_start_that_is_no_time_is_none() {
        let arrived = UNIX_EPOCH + Duration::from_secs(1_512_379_167);
        for value in ["", "t=", "t=now", "12", "-1512379167", "inf", "nan", "1e300"] {
            assert_eq!(waited(value.as_bytes(), arrived), None, "{value}");
        }
    }
}
