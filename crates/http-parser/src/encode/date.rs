//! The Date field (RFC 9110 §6.6.1), rendered once and used for many responses.

use std::time::SystemTime;

/// A point in time as IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDate([u8; 29]);

impl HttpDate {
    /// Renders `time`, to the second. Times outside 1970 to 9999 become the epoch.
    pub fn new(time: SystemTime) -> Self {
        // httpdate panics for years after 9999 and times before 1970.
        let representable = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .is_ok_and(|since| since.as_secs() < 253_402_300_800);
        let time = if representable { time } else { SystemTime::UNIX_EPOCH };
        let mut bytes = [b' '; 29];
        for (into, byte) in bytes.iter_mut().zip(httpdate::fmt_http_date(time).bytes()) {
            *into = byte;
        }
        Self(bytes)
    }

    /// The 29 bytes of the field value.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_date_is_imf_fixdate_in_gmt() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(HttpDate::new(time).as_bytes(), b"Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_time_beyond_the_format_does_not_panic() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
        assert_eq!(HttpDate::new(time).as_bytes(), b"Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
