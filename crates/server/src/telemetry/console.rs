//! How logs look to a person at a terminal: the local time, and colours.

use std::fmt::Write as _;
use std::time::SystemTime;

use maitred_config::ColourUse;

use crate::system::local_time;

/// Whether text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// It has.
    On,
    /// It has not: it is for a program, or its reader does not want them.
    Off,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Of little interest: times, sizes.
    Quiet,
    /// All is well.
    Good,
    /// Go elsewhere.
    Elsewhere,
    /// Something may be wrong.
    Doubtful,
    /// Something is wrong.
    Bad,
}

impl Colours {
    /// What users want, where output goes to a terminal or does not.
    pub fn on<T: std::io::IsTerminal>(wanted: ColourUse, output: &T) -> Self {
        match wanted {
            ColourUse::Always => Self::On,
            ColourUse::OnTerminals if output.is_terminal() => Self::On,
            ColourUse::OnTerminals | ColourUse::Never => Self::Off,
        }
    }

    /// Appends text in a tone.
    pub fn write(self, out: &mut String, tone: Tone, text: &str) {
        if self == Self::Off {
            return out.push_str(text);
        }
        let code = match tone {
            Tone::Quiet => "2",
            Tone::Good => "32",
            Tone::Elsewhere => "36",
            Tone::Doubtful => "33",
            Tone::Bad => "1;31",
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "\u{1b}[{code}m{text}\u{1b}[0m");
    }
}

/// The local time of day: `15:04:05`.
pub fn time_of_day(time: SystemTime) -> String {
    let [hour, minute, second] = local_time::of_day(time);
    format!("{hour:02}:{minute:02}:{second:02}")
}
