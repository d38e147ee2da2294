//! All open connections: to count them, to look at their clocks, to find the idlest, to drain.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use maitred_http_parser::connection::Phase;
use tokio::sync::Notify;

use crate::conn::Conn;

/// How many candidates one look at all connections gives. A flood of newcomers at the limit then
/// costs one look for so many of them, not one each.
const IDLEST_AT_ONCE: usize = 64;

/// The open connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    conns: Mutex<BTreeMap<u64, Arc<Conn>>>,
    idlest: Mutex<Vec<Weak<Conn>>>,
    next: AtomicU64,
    count: AtomicUsize,
    /// One reference more for each of those who were turned away and are still being told.
    pub(crate) turned_away: Arc<()>,
    /// Told whenever a connection has gone.
    pub(crate) gone: Notify,
}

impl Registry {
    fn conns(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Conn>>> {
        self.conns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up a connection; the number takes it out again.
    pub(crate) fn enter(&self, conn: Arc<Conn>) -> u64 {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        self.conns().insert(key, conn);
        self.count.fetch_add(1, Ordering::Relaxed);
        key
    }

    /// A connection has gone.
    pub(crate) fn remove(&self, key: u64) {
        if self.conns().remove(&key).is_some() {
            self.count.fetch_sub(1, Ordering::Relaxed);
            self.gone.notify_waiters();
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// All of them, at this moment.
    pub(crate) fn all(&self) -> Vec<Arc<Conn>> {
        self.conns().values().cloned().collect()
    }

    /// A connection that is idle, of the longest.
    pub(crate) fn idlest(&self) -> Option<Arc<Conn>> {
        let mut candidates = self.idlest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(conn) = still_idle(&mut candidates) {
            return Some(conn);
        }
        let mut idle: Vec<_> = self
            .all()
            .into_iter()
            .filter_map(|conn| {
                let state = conn.state();
                let since = (state.protocol.phase() == Phase::Idle && state.outbox.is_empty())
                    .then_some(state.last_active)?;
                drop(state);
                Some((since, conn))
            })
            .collect();
        idle.sort_by_key(|(since, _)| *since);
        idle.truncate(IDLEST_AT_ONCE);
        *candidates = idle.iter().rev().map(|(_, conn)| Arc::downgrade(conn)).collect();
        still_idle(&mut candidates)
    }
}

fn still_idle(candidates: &mut Vec<Weak<Conn>>) -> Option<Arc<Conn>> {
    while let Some(candidate) = candidates.pop() {
        let Some(conn) = candidate.upgrade() else { continue };
        let is_idle = {
            let state = conn.state();
            state.over.is_none() && state.protocol.phase() == Phase::Idle
        };
        if is_idle {
            return Some(conn);
        }
    }
    None
}
