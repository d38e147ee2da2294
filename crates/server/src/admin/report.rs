//! What the pages of the admin listener show: a server of one process, or a supervisor's workers.

use std::time::Duration;

use serde_json::Value;

use crate::telemetry::Telemetry;
use crate::telemetry::overview::Overview;
use crate::telemetry::totals::Totals;

/// What a server has counted so far.
#[derive(Clone, Debug, Default)]
pub struct ServerTotals {
    /// By the number of the worker process; without a supervisor it is 0.
    pub workers: Vec<(usize, Totals)>,
    /// How worker processes have failed, in words, and how often.
    pub exits: Vec<(&'static str, u64)>,
}

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

    /// What it is doing; with stacks in the same way.
    fn overview(&self, stacks: Option<Duration>) -> Overview;

    /// What it has counted. It visits no connection, for it is asked every other second.
    fn totals(&self) -> ServerTotals;
}

impl Report for Telemetry {
    fn liveness(&self) -> Result<(), &'static str> {
        Self::liveness(self)
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

    fn overview(&self, stacks: Option<Duration>) -> Overview {
        Self::overview(self, stacks)
    }

    fn totals(&self) -> ServerTotals {
        ServerTotals { workers: vec![(0, Self::totals(self))], exits: Vec::new() }
    }
}
