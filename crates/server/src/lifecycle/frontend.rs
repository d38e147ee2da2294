//! The connections of one set of listeners: what they share, how many there may be, and what happens
//! to one more. The server has one, and the admin listener another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use maitred_config::{ConnectionLimitAction, Settings};

use crate::connection::conn::ClientConnection;
#[cfg(unix)]
use crate::connection::shared::Answers;
use crate::connection::shared::Shared;
use crate::lifecycle::registry::Registry;
use crate::system::spare_descriptors;
use crate::telemetry::snapshot::Connections;

/// The maximum number of rejected connections that linger at once.
const REJECTED_LINGERING_MAX: usize = 64;

/// How many of them may do so beyond the descriptors of clients.
const LINGERING_BESIDE_CLIENTS: usize = 8;

/// The connections of one set of listeners.
#[derive(Debug)]
pub(crate) struct Frontend {
    pub(crate) shared: Arc<Shared>,
    pub(crate) registry: Registry,
    /// The maximum number of connections.
    limit: usize,
    pub(crate) at_limit: AtLimit,
    is_draining: AtomicBool,
    /// How many connections had closed at the last sweep.
    closed_before: AtomicU64,
}

/// What makes room for a new connection at the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtLimit {
    /// The longest-idle connection is closed; if none is idle, the new one is answered 503.
    CloseIdle,
    /// Nothing: new connections wait until another one has closed.
    Wait,
    /// The oldest connection is closed, whatever it does.
    CloseOldest,
}

/// Whether there is room for one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// There are as many connections as there may be.
    AtLimit,
    /// There are fewer, but files or the application use the descriptors.
    NoDescriptors,
}

impl Frontend {
    pub(crate) fn new(shared: Arc<Shared>, limit: usize, at_limit: AtLimit) -> Self {
        let descriptors = shared.descriptors.most();
        let left_over = descriptors.saturating_sub(limit);
        let beside = descriptors.min(LINGERING_BESIDE_CLIENTS);
        let lingering = left_over.saturating_add(beside).min(REJECTED_LINGERING_MAX);
        Self {
            shared,
            registry: Registry::new(lingering),
            limit,
            at_limit,
            is_draining: AtomicBool::new(false),
            closed_before: AtomicU64::new(0),
        }
    }

    /// That of the server.
    pub(crate) fn of_server(shared: Arc<Shared>, settings: &Settings) -> Self {
        let at_limit = match settings.limits.connection_limit_action {
            ConnectionLimitAction::Reject => AtLimit::CloseIdle,
            ConnectionLimitAction::Wait => AtLimit::Wait,
        };
        Self::new(shared, settings.limits.connections, at_limit)
    }

    /// Whether one more connection may be opened.
    pub(crate) fn has_room(&self) -> bool {
        self.room() == Room::Free
    }

    /// Whether there are fewer connections than the limit, in all worker processes together, and a
    /// descriptor for one more.
    pub(crate) fn room(&self) -> Room {
        let (open, descriptors) = (self.registry.len(), &self.shared.descriptors);
        #[cfg(unix)]
        let total = self.shared.siblings.as_ref().map_or(open, |it| it.open_connections());
        #[cfg(not(unix))]
        let total = open;
        if total >= self.limit || open >= descriptors.most() {
            Room::AtLimit
        } else if descriptors.has_room() {
            Room::Free
        } else {
            Room::NoDescriptors
        }
    }

    /// The number of connections has changed.
    pub(crate) fn show_connections(&self) {
        #[cfg(unix)]
        if let Some(siblings) = &self.shared.siblings {
            siblings.show_connections(self.registry.len());
        }
    }

    /// A connection that another process has is shown as open here no more.
    pub(crate) fn has_left(&self) {
        #[cfg(unix)]
        if let Some(siblings) = &self.shared.siblings {
            siblings.departs_no_more();
        }
    }

    /// Whether other processes should accept: this one ends, or a call holds its GIL and does not give
    /// way, and another one can.
    #[cfg(unix)]
    pub(crate) fn leaves_accepting(&self) -> bool {
        let (Some(siblings), Answers::Workers(queue)) =
            (&self.shared.siblings, &self.shared.answers)
        else {
            return false;
        };
        siblings.retires() || queue.is_stalled() && siblings.another_accepts()
    }

    /// There are no others.
    #[cfg(not(unix))]
    pub(crate) fn leaves_accepting(&self) -> bool {
        false
    }

    /// From now on, responses say `Connection: close`.
    pub(crate) fn announce_drain(&self) {
        self.is_draining.store(true, Ordering::Release);
        for conn in self.registry.all() {
            conn.announce_drain();
        }
    }

    /// Adds a connection, and returns its key. Whether it enters before or after the drain is
    /// announced, it is told: it looks when it is in the registry.
    pub(crate) fn enter(&self, conn: &Arc<ClientConnection>) -> u64 {
        let key = self.registry.enter(Arc::clone(conn));
        if self.is_draining.load(Ordering::Acquire) {
            conn.announce_drain();
        }
        key
    }

    /// The connection to close for a new one, if there is one.
    pub(crate) fn closable(&self) -> Option<Arc<ClientConnection>> {
        match self.at_limit {
            AtLimit::CloseIdle | AtLimit::Wait => self.registry.longest_idle(),
            AtLimit::CloseOldest => self.registry.oldest(),
        }
    }

    /// What all connections are doing.
    pub(crate) fn connections(&self) -> Connections {
        let mut sum = Connections::default();
        for conn in self.registry.all() {
            conn.add_to(&mut sum);
        }
        sum
    }

    /// Checks the deadlines of all connections. Returns how many there have been since the last time.
    pub(crate) fn sweep(&self, standstill: Duration) -> u64 {
        spare_descriptors::hold_again();
        let conns = self.registry.all();
        for conn in &conns {
            conn.sweep(standstill);
        }
        self.shared.temp_files.buffers.age();
        let entered = self.registry.entered();
        let closed = entered.saturating_sub(conns.len() as u64);
        entered.saturating_sub(self.closed_before.swap(closed, Ordering::Relaxed))
    }
}
