//! The types of settings with a fixed set of values. Each is declared once: its words are the ones
//! that the setting accepts, and that help and schema list.

use serde::de::{Deserialize, Deserializer, Error};

/// A type whose values are words.
pub(crate) trait Choice: Copy + 'static {
    /// The words, in order of declaration.
    const WORDS: &'static [&'static str];

    /// The values, in the same order.
    const VALUES: &'static [Self];
}

/// Declares an enum, and the word of each of its values.
macro_rules! choice {
    ($(#[$doc:meta])* $visible:vis enum $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visible enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl Choice for $name {
            const WORDS: &'static [&'static str] = &[$($word),*];
            const VALUES: &'static [Self] = &[$(Self::$variant),*];
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_word(deserializer)
            }
        }
    };
}

/// The value of a word.
pub(crate) fn value_of<T: Choice>(word: &str) -> Option<T> {
    let index = T::WORDS.iter().position(|known| *known == word)?;
    T::VALUES.get(index).copied()
}

fn from_word<'de, T: Choice, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let word = String::deserialize(deserializer)?;
    value_of(&word).ok_or_else(|| Error::unknown_variant(&word, T::WORDS))
}

choice! {
    /// What happens to a connection above `connection-limit`.
    pub enum ConnectionLimitAction {
        /// Close the longest-idle keep-alive connection, or answer 503 with `Retry-After` if none is
        /// idle.
        #[default]
        Reject = "reject",
        /// Stop accepting until a connection ends; new connections wait in the kernel's backlog.
        Wait = "wait",
    }
}

choice! {
    /// The source of the request ID in `environ["maitred.request_id"]`.
    pub enum RequestId {
        /// There is none.
        #[default]
        Off = "off",
        /// `X-Request-ID` from a trusted proxy; otherwise, there is none.
        Pass = "pass",
        /// Like [`RequestId::Pass`]; otherwise, one is generated.
        Generate = "generate",
    }
}

choice! {
    /// The format of log records.
    pub enum LogFormat {
        /// One line for a person.
        #[default]
        Text = "text",
        /// One short line for a person at a terminal, with the local time.
        Console = "console",
        /// One JSON object per line.
        Json = "json",
    }
}

choice! {
    /// How the fields of JSON logs are named, and which units they have.
    pub enum LogFields {
        /// As this project names them.
        #[default]
        Plain = "plain",
        /// As Google Cloud Logging reads them.
        Google = "google",
        /// As the Elastic Common Schema names them.
        Ecs = "ecs",
    }
}

choice! {
    /// The minimum severity of log records. A greater level logs more.
    pub enum LogLevel {
        /// Failures.
        Error = "error",
        /// Also suspicious conditions.
        Warning = "warning",
        /// Also events: start, drain, stop.
        #[default]
        Info = "info",
        /// Also decisions about single connections.
        Debug = "debug",
        /// Also every step.
        Trace = "trace",
    }
}

choice! {
    /// Whether a supervisor owns the worker processes.
    pub enum SupervisorUse {
        /// If there are several workers, or a setting needs it.
        #[default]
        Auto = "auto",
        /// Even for a single worker.
        Always = "always",
        /// Settings that need it are errors.
        Never = "never",
    }
}

choice! {
    /// Whether metrics have the series of each worker process, or their sums.
    pub(crate) enum MetricsByWorker {
        /// The series of each, up to a few workers.
        #[default]
        Auto = "auto",
        /// The series of each.
        True = "true",
        /// Their sums.
        False = "false",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_a_choice_is_the_declared_default_of_its_setting() {
        let defaults = crate::Settings::default();
        assert_eq!(defaults.limits.connection_limit_action, ConnectionLimitAction::default());
        assert_eq!(defaults.observability.request_id, RequestId::default());
        assert_eq!(defaults.observability.log_format, LogFormat::default());
        assert_eq!(defaults.observability.log_fields, LogFields::default());
        assert_eq!(defaults.observability.log_level, LogLevel::default());
        assert_eq!(defaults.processes.supervisor, SupervisorUse::default());
        assert!(defaults.processes.metrics_by_worker);
    }
}
