//! Why a process ends before it serves: text for people, or a record where the log is JSON.

use std::borrow::Cow;
use std::io::Write as _;

use maitred_config::Problem;

use super::line::LineFormat;
use super::queue::{Severity, Value};
use super::{record, stderr};

/// What keeps the server from serving.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Lower case, no full stop.
    pub(crate) message: String,
    /// What would be correct, if known.
    pub(crate) help: Option<String>,
    /// Where it was written, if it is a setting.
    pub(crate) origin: Option<String>,
    /// The class and the traceback of the exception, if there was one. Whole lines.
    pub(crate) exception: Option<(String, String)>,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self { message, ..Self::default() }
    }
}

impl From<&Problem> for Failure {
    fn from(problem: &Problem) -> Self {
        Self {
            message: problem.message().into(),
            help: problem.hint().map(str::to_owned),
            origin: problem.origin().map(ToString::to_string),
            exception: None,
        }
    }
}

impl Failure {
    /// Writes it to standard error, after what waits for a log that was not started.
    pub(crate) fn print(&self) {
        stderr::write_waiting();
        match stderr::format() {
            // If standard error is gone, the exit status still reports the failure.
            LineFormat::Text | LineFormat::Console(_) => {
                drop(std::io::stderr().lock().write_all(self.text().as_bytes()));
            }
            LineFormat::Json(_) => {
                let values = [
                    ("help", self.help.as_ref()),
                    ("origin", self.origin.as_ref()),
                    ("exception", self.exception.as_ref().map(|(class, _)| class)),
                    ("traceback", self.exception.as_ref().map(|(_, traceback)| traceback)),
                ];
                let fields = values
                    .into_iter()
                    .filter_map(|(name, value)| {
                        Some((Cow::from(name), Value::Text(value?.clone())))
                    })
                    .collect();
                let message = self.message.clone();
                stderr::write_now(&record("maitred", Severity::Error, message, fields));
            }
        }
    }

    /// The text for people: whole lines.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        if let Some(origin) = &self.origin {
            text.push_str(&format!("  --> {origin}\n"));
        }
        if let Some((_, traceback)) = &self.exception {
            text.push_str(traceback.trim_end());
            text.push('\n');
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("   = help: {help}\n"));
        }
        text
    }
}
