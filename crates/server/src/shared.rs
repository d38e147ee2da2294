//! The state that all parts of a running server share.

use std::sync::{Arc, OnceLock, Weak};

use maitred_config::Settings;
use maitred_http_parser::connection::Rules;
use maitred_http_parser::forwarded::Trust;

use crate::accept::Acceptor;
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
    pub(crate) acceptors: OnceLock<Vec<(String, Weak<Acceptor>)>>,
}

impl Shared {
    /// The listeners are open: from here on the server serves.
    pub(crate) fn open(self: &Arc<Self>, listeners: &Listeners, acceptors: &[Arc<Acceptor>]) {
        let names = listeners.addresses().map(|address| match address {
            ListenAddress::Tcp(address) => address.to_string(),
            ListenAddress::Unix(path) => format!("unix:{}", path.display()),
        });
        let names: Vec<_> = names.collect();
        let acceptors = names.iter().cloned().zip(acceptors.iter().map(Arc::downgrade)).collect();
        if self.acceptors.set(acceptors).is_ok() {
            self.telemetry.serving(self, &names);
        }
    }

    /// The accept queues of the listening sockets that tell, by the names of those.
    pub(crate) fn backlogs(&self) -> Vec<(String, Backlog)> {
        let acceptors = self.acceptors.get().map(Vec::as_slice).unwrap_or_default();
        let open =
            acceptors.iter().filter_map(|(name, acceptor)| Some((name, acceptor.upgrade()?)));
        open.filter_map(|(name, acceptor)| Some((name.clone(), backlog::of(&acceptor.socket())?)))
            .collect()
    }
}
