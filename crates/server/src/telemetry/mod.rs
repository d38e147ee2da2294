//! Everything that is reported about a running server.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use maitred_http_parser::Rejection;
use maitred_http_parser::connection::Late;
use maitred_http_parser::exchange::Peer;

use crate::record::Record;

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client closed it, or it broke.
    Client,
    /// The last response said so.
    Finished,
    /// It was idle for too long.
    KeepAliveTimeout,
    /// The client did not take its response in time.
    WriteTimeout,
    /// The client was refused.
    Protocol,
    /// It was idle, and its place was needed.
    Evicted,
    /// The server stops.
    Drain,
    /// The server or the application failed.
    Error,
}

/// Why a connection or a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turned {
    /// connection-limit is reached, and nobody is idle.
    Limit,
    /// queue-limit is reached.
    QueueFull,
    /// It waited for queue-timeout.
    QueueTimeout,
    /// The server stops.
    Draining,
    /// The process has no file descriptors left.
    FileDescriptors,
}

/// Counts and reports what happens.
#[derive(Debug, Default)]
pub struct Telemetry {
    requests: AtomicU64,
    log_socket_errors: bool,
    draining: AtomicBool,
}

impl Telemetry {
    /// Counters at zero.
    pub fn new(settings: &maitred_config::Settings) -> Self {
        Self { log_socket_errors: settings.log_socket_errors, ..Self::default() }
    }

    /// Requests that have ended.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether the server will stop soon.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn exchange_ended(&self, record: &Record, now: Instant) {
        let _ = (record, now);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_accepted(&self, listener: usize) {
        let _ = (self, listener);
    }

    pub(crate) fn connection_closed(&self, reason: CloseReason) {
        let _ = (self, reason);
    }

    pub(crate) fn turned_away(&self, why: Turned) {
        let _ = (self, why);
    }

    pub(crate) fn evicted(&self) {
        let _ = self;
    }

    pub(crate) fn limit_reached(&self) {
        let _ = self;
    }

    pub(crate) fn rejected(&self, peer: &Peer, rejection: Rejection) {
        let _ = self;
        tracing::info!(
            target: "maitred",
            "refused a request of {}: {}",
            peer.host,
            rejection.detail()
        );
    }

    pub(crate) fn late(&self, late: Late) {
        let _ = (self, late);
    }

    pub(crate) fn client_left_the_queue(&self) {
        let _ = self;
    }

    pub(crate) fn socket_error(&self, peer: &Peer, error: &io::Error) {
        if self.log_socket_errors {
            tracing::debug!(target: "maitred", "connection of {} broke: {error}", peer.host);
        }
    }
}
