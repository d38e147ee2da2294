//! The time of day where the machine stands.

use std::time::{SystemTime, UNIX_EPOCH};

/// Hour, minute and second, in local time; in UTC if the system does not know better.
pub(crate) fn of_day(time: SystemTime) -> [u64; 3] {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    local(seconds).unwrap_or([seconds / 3600 % 24, seconds / 60 % 60, seconds % 60])
}

#[cfg(unix)]
fn local(seconds: u64) -> Option<[u64; 3]> {
    let seconds = seconds.try_into().ok()?; // what a second is depends on the system
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both point to values of the right type that live until it returns; a tm of zeros is
    // valid.
    let parts = unsafe {
        if libc::localtime_r(&raw const seconds, parts.as_mut_ptr()).is_null() {
            return None;
        }
        parts.assume_init()
    };
    let part = |part: libc::c_int| u64::try_from(part).ok();
    Some([part(parts.tm_hour)?, part(parts.tm_min)?, part(parts.tm_sec)?])
}

#[cfg(windows)]
fn local(seconds: u64) -> Option<[u64; 3]> {
    // SAFETY: the declaration is that of the C runtime, whose `struct tm` has nine ints.
    unsafe extern "C" {
        fn _localtime64_s(parts: *mut [i32; 9], seconds: *const i64) -> i32;
    }
    let seconds = i64::try_from(seconds).ok()?;
    let mut parts = [0; 9];
    // SAFETY: it writes the nine ints and reads the time; both live until it returns.
    if unsafe { _localtime64_s(&raw mut parts, &raw const seconds) } != 0 {
        return None;
    }
    let part = |index: usize| u64::try_from(parts[index]).ok();
    Some([part(2)?, part(1)?, part(0)?])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_hour_later_is_the_next_hour() {
        let time = UNIX_EPOCH + Duration::from_secs(1_795_383_901);
        let [hour, minute, second] = of_day(time);
        assert_eq!(second, 1);
        // Wherever it runs, an hour is an hour long, but when clocks change, which is not then.
        let later = of_day(time + Duration::from_secs(3600));
        assert_eq!(later, [(hour + 1) % 24, minute, second]);
    }
}
