//! How long a request waited before it reached the server: X-Request-Start, the time at which it
//! arrived at a proxy. The caller accepts it only from trusted proxies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest wait that is believed. More is a clock that is wrong.
const WAIT_MAX: Duration = Duration::from_secs(3600);

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
    // The clocks of two machines differ a little, so the start may seem to be later.
    Some(arrived.saturating_sub(began).min(WAIT_MAX))
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
    fn a_start_that_makes_no_sense_is_bounded_or_none() {
        let arrived = UNIX_EPOCH + Duration::from_secs(1_512_379_167);
        assert_eq!(waited(b"t=1512379999", arrived), Some(Duration::ZERO));
        assert_eq!(waited(b"t=1412379999", arrived), Some(WAIT_MAX));
        for value in ["", "t=", "t=now", "12", "-1512379167", "inf", "nan", "1e300"] {
            assert_eq!(waited(value.as_bytes(), arrived), None, "{value}");
        }
    }
}
