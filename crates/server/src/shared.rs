//! What all parts of a running server share.

use std::sync::{Arc, OnceLock, Weak};

use maitred_config::Settings;
use maitred_http_parser::connection::Rules;
use maitred_http_parser::forwarded::Trust;

use crate::accept::Door;
use crate::clock::Clock;
use crate::listen::{ListenAddress, Listeners};
use crate::queue::Queue;
use crate::registry::Registry;
use crate::spool::Spooling;
use crate::telemetry::Telemetry;
use crate::telemetry::backlog::{self, Backlog};
use crate::workers::Pool;

/// The settings, and everything that there is one of.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) trust: Trust,
    pub(crate) clock: Arc<Clock>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) pool: Pool,
    pub(crate) registry: Registry,
    pub(crate) spooling: Spooling,
    pub(crate) telemetry: Arc<Telemetry>,
    /// The listening sockets and their names; whoever looks must not keep them open.
    pub(crate) doors: OnceLock<Vec<(String, Weak<Door>)>>,
}

impl Shared {
    /// The listeners are open: from here on the server serves.
    pub(crate) fn open(self: &Arc<Self>, listeners: &Listeners, doors: &[Arc<Door>]) {
        let names = listeners.addresses().map(|address| match address {
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix(path) => format!("unix:{}", path.display()),
        });
        let names: Vec<_> = names.collect();
        let doors = names.iter().cloned().zip(doors.iter().map(Arc::downgrade)).collect();
        if self.doors.set(doors).is_ok() {
            self.telemetry.serving(self, &names);
        }
    }

    /// The accept queues of the listening sockets that tell, by the names of those.
    pub(crate) fn backlogs(&self) -> Vec<(String, Backlog)> {
        let doors = self.doors.get().map(Vec::as_slice).unwrap_or_default();
        let open = doors.iter().filter_map(|(name, door)| Some((name, door.upgrade()?)));
        open.filter_map(|(name, door)| Some((name.clone(), backlog::of(&door.socket())?))).collect()
    }
}
