//! The state that all connections of a running server share.

use std::sync::Arc;

use maitred_config::Settings;
use maitred_http_parser::connection::Rules;
use maitred_http_parser::forwarded::Trust;

use super::policy;
use super::temp_files::TempFiles;
use crate::scheduling::Gil;
use crate::scheduling::queue::Queue;
use crate::system::clock::Clock;
use crate::telemetry::Telemetry;

/// The settings, and the parts of the server that a connection needs.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) trust: Trust,
    pub(crate) clock: Arc<Clock>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) temp_files: TempFiles,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl Shared {
    pub(crate) fn new(
        settings: Arc<Settings>,
        telemetry: Arc<Telemetry>,
        clock: Arc<Clock>,
        lock: Gil,
    ) -> Self {
        let queue = Queue::new(settings.queue_limit, lock, Arc::clone(&clock), Arc::default());
        Self {
            rules: Arc::new(policy::protocol(&settings)),
            trust: policy::trust(&settings),
            queue: Arc::new(queue),
            temp_files: TempFiles::new(settings.temp_dir.clone(), settings.inbuf_overflow),
            clock,
            telemetry,
            settings,
        }
    }
}
