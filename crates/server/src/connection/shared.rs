//! The state that all connections of a running server share.

use std::sync::Arc;

use maitred_config::Settings;

use super::policy::Policy;
use super::request_id::RequestIds;
use super::temp_files::TempFiles;
use crate::scheduling::Gil;
use crate::scheduling::queue::Queue;
use crate::system::clock::Clock;
use crate::telemetry::Telemetry;

/// The parts of the server that a connection needs.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The policy of connections that are accepted now.
    pub(crate) policy: Arc<Policy>,
    pub(crate) request_ids: RequestIds,
    pub(crate) clock: Arc<Clock>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) temp_files: TempFiles,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl Shared {
    pub(crate) fn new(
        settings: &Settings,
        telemetry: Arc<Telemetry>,
        clock: Arc<Clock>,
        gil: Gil,
    ) -> Self {
        let queue = Queue::new(settings.limits.queue, gil, Arc::clone(&clock), Arc::default());
        Self {
            policy: Arc::new(Policy::new(settings)),
            request_ids: RequestIds::new(clock.wall()),
            queue: Arc::new(queue),
            temp_files: TempFiles::new(settings.application.temp_dir.clone()),
            clock,
            telemetry,
        }
    }
}
