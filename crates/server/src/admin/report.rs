//! What the pages of the admin listener show: a server of one process, or a supervisor's workers.

use std::time::Duration;

use serde_json::Value;

use crate::telemetry::Telemetry;

/// A server that tells its state. Every method returns soon, whatever the server is doing.
pub trait Report: std::fmt::Debug + Send + Sync {
    /// Whether it works at all.
    ///
    /// # Errors
    /// The reason if it does not, in a few words.
    fn liveness(&self) -> Result<(), &'static str>;

    /// Whether it has started.
    fn has_started(&self) -> bool;

    /// Whether it answers requests.
    ///
    /// # Errors
    /// The reason if it does not, in one or two words.
    fn readiness(&self) -> Result<(), &'static str>;

    /// All metrics in the Prometheus text format.
    fn scrape(&self) -> String;

    /// The status; with the stack of every thread if `stacks` says how long the interpreter may be
    /// waited for. Blocks for no longer than that.
    fn status(&self, stacks: Option<Duration>) -> Value;
}

impl Report for Telemetry {
    fn liveness(&self) -> Result<(), &'static str> {
        Ok(()) // it answers
    }

    fn has_started(&self) -> bool {
        Self::has_started(self)
    }

    fn readiness(&self) -> Result<(), &'static str> {
        Self::readiness(self)
    }

    fn scrape(&self) -> String {
        Self::scrape(self)
    }

    fn status(&self, stacks: Option<Duration>) -> Value {
        Self::status(self, stacks)
    }
}
