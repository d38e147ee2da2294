//! All open connections: counts them, checks their deadlines, finds the longest-idle one, drains.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, Weak};

use tokio::sync::{Notify, Semaphore};

use crate::connection::conn::ClientConnection;
use crate::connection::room::ClosableConnection;
use crate::system::mutex::Mutex;

/// The number of candidates that one scan of all connections collects, so that many new connections
/// at the limit do not each cost a scan.
const LONGEST_IDLE_AT_ONCE: usize = 64;

/// The open connections.
#[derive(Debug)]
pub(crate) struct Registry {
    conns: Mutex<BTreeMap<u64, Arc<ClientConnection>>>,
    /// The candidates for closing; the first to close is the last element.
    longest_idle: Mutex<Vec<(ClosableConnection, Weak<ClientConnection>)>>,
    next: AtomicU64,
    count: AtomicUsize,
    /// Permits for rejected connections that linger.
    pub(crate) rejected_lingering: Arc<Semaphore>,
    /// Notified whenever a connection has closed.
    pub(crate) gone: Notify,
}

impl Registry {
    /// An empty one. At most so many rejected connections linger at once, so that their clients can
    /// read the response; more are closed right after it.
    pub(crate) fn new(rejected_lingering: usize) -> Self {
        Self {
            conns: Mutex::default(),
            longest_idle: Mutex::default(),
            next: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            rejected_lingering: Arc::new(Semaphore::new(rejected_lingering)),
            gone: Notify::new(),
        }
    }

    fn conns(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<ClientConnection>>> {
        self.conns.lock()
    }

    /// Adds a connection, and returns the number with which to remove it.
    pub(crate) fn enter(&self, conn: Arc<ClientConnection>) -> u64 {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.conns().insert(key, conn);
        self.count.fetch_add(1, Ordering::Relaxed);
        key
    }

    /// Removes a connection.
    pub(crate) fn remove(&self, key: u64) -> Option<Arc<ClientConnection>> {
        let conn = self.conns().remove(&key)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.gone.notify_waiters();
        Some(conn)
    }

    /// How many connections have ever been added.
    pub(crate) fn entered(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// The number of connections.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// A snapshot of all connections.
    pub(crate) fn all(&self) -> Vec<Arc<ClientConnection>> {
        self.conns().values().cloned().collect()
    }

    /// The connection that was accepted first, of those that are not over.
    pub(crate) fn oldest(&self) -> Option<Arc<ClientConnection>> {
        self.conns().values().find(|conn| !conn.is_over()).cloned()
    }

    /// The connection to close first: a rejected one that lingers, or else the one that has been idle
    /// longest.
    pub(crate) fn longest_idle(&self) -> Option<Arc<ClientConnection>> {
        let mut candidates = self.longest_idle.lock();
        if let Some(conn) = first_still_idle(&mut candidates) {
            return Some(conn);
        }
        let conns = self.all();
        let mut idle: Vec<_> =
            conns.iter().filter_map(|conn| Some((conn.closable()?, conn))).collect();
        idle.sort_by_key(|(since, _)| *since);
        idle.truncate(LONGEST_IDLE_AT_ONCE);
        let last_first = idle.into_iter().rev();
        *candidates = last_first.map(|(since, conn)| (since, Arc::downgrade(conn))).collect();
        first_still_idle(&mut candidates)
    }
}

/// Takes the first candidate that has been idle since the scan and has no unread input.
fn first_still_idle(
    candidates: &mut Vec<(ClosableConnection, Weak<ClientConnection>)>,
) -> Option<Arc<ClientConnection>> {
    while let Some((since, candidate)) = candidates.pop() {
        let Some(conn) = candidate.upgrade() else { continue };
        let is_still = conn.closable() == Some(since);
        let is_refused = matches!(since, ClosableConnection::Refused(_));
        let asks = !is_refused && conn.has_unread_input();
        if is_still && !asks {
            return Some(conn);
        }
    }
    None
}
