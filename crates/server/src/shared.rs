//! What all parts of a running server share.

use std::sync::Arc;

use maitred_config::Settings;
use maitred_http_parser::connection::Rules;
use maitred_http_parser::forwarded::Trust;

use crate::clock::Clock;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::spool::Spooling;
use crate::telemetry::Telemetry;

/// The settings, and everything that there is one of.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) trust: Trust,
    pub(crate) clock: Arc<Clock>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) registry: Registry,
    pub(crate) spooling: Spooling,
    pub(crate) telemetry: Arc<Telemetry>,
}
