//! Numbers as people read them, short and with their units; and text as they may read it.

/// A rate or a count: whole from 10 on, with one digit below.
pub fn rate(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        ..0.05 => "<0.1".to_owned(),
        ..9.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A share of one.
pub fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A short time, with three digits.
pub fn latency(seconds: f64) -> String {
    match seconds * 1000.0 {
        ms @ ..9.95 => format!("{ms:.1} ms"),
        ms @ ..999.5 => format!("{ms:.0} ms"),
        ms @ ..9_995.0 => format!("{:.2} s", ms / 1000.0),
        ms @ ..99_950.0 => format!("{:.1} s", ms / 1000.0),
        _ => duration(seconds),
    }
}

/// A long time, in its two greatest units.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is not negative")]
pub fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days} d {} h", hours % 24),
        () if hours > 0 => format!("{hours} h {} min", minutes % 60),
        () if minutes > 0 => format!("{minutes} min {} s", seconds % 60),
        () => format!("{seconds} s"),
    }
}

/// Memory.
pub fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

/// A character of somebody else's text: U+FFFD for one that is of no use to a reader, and may do
/// something to a terminal, or turn the direction of what follows.
pub fn printable(character: char) -> char {
    match character {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if character.is_control() => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_have_their_units() {
        let rates = [0.0, 0.01, 0.5, 9.94, 12.3, 1234.0].map(rate);
        assert_eq!(rates, ["0", "<0.1", "0.5", "9.9", "12", "1234"]);
        let times = [0.0012, 0.0421, 1.234, 42.0, 125.0, 7260.0, 100_000.0].map(latency);
        let expected = ["1.2 ms", "42 ms", "1.23 s", "42.0 s", "2 min 5 s", "2 h 1 min", "1 d 3 h"];
        assert_eq!(times, expected);
        assert_eq!(percent(0.256), "26 %");
    }
}
