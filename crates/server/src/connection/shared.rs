//! What all connections of one set of listeners share.

use std::fmt;
use std::sync::Arc;

use maitred_http_parser::exchange::Exchange;

use super::descriptors::ClientDescriptors;
use super::policy::Policy;
use super::request_id::RequestIds;
#[cfg(unix)]
use super::siblings::SiblingProcesses;
use super::temp_files::TempFiles;
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
    pub(crate) answers: Answers,
    pub(crate) temp_files: TempFiles,
    pub(crate) descriptors: Arc<ClientDescriptors>,
    pub(crate) telemetry: Arc<Telemetry>,
    /// The other worker processes, if this is one of several.
    #[cfg(unix)]
    pub(crate) siblings: Option<Arc<SiblingProcesses>>,
}

/// Who answers complete requests.
pub(crate) enum Answers {
    /// Worker threads, which take them from a queue.
    Workers(Arc<Queue>),
    /// The I/O thread itself, as soon as they are complete. It must not wait.
    AtOnce(Box<dyn Fn(Exchange) + Send + Sync>),
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workers(queue) => f.debug_tuple("Workers").field(queue).finish(),
            Self::AtOnce(_) => f.debug_struct("AtOnce").finish_non_exhaustive(),
        }
    }
}
