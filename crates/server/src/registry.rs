//! All open connections: counts them, checks their deadlines, finds the longest-idle one, drains.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use maitred_http_parser::connection::Phase;
use tokio::sync::{Notify, Semaphore};

use crate::connection::conn::{Conn, State};

/// How many candidates one look at all connections gives. A flood of newcomers at the limit then
/// costs one look for so many of them, not one each.
const IDLEST_AT_ONCE: usize = 64;

/// How many of those who were turned away are waited for at once, so that they get to read why.
/// The others are told and closed on.
const TURNED_AWAY_MAX: usize = 64;

/// The open connections.
#[derive(Debug)]
pub(crate) struct Registry {
    conns: Mutex<BTreeMap<u64, Arc<Conn>>>,
    /// Those that can be done without, the first to go last.
    idlest: Mutex<Vec<(Idle, Weak<Conn>)>>,
    next: AtomicU64,
    count: AtomicUsize,
    /// Places for those who were turned away and are still being told.
    pub(crate) turned_away: Arc<Semaphore>,
    /// Told whenever a connection has gone.
    pub(crate) gone: Notify,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            conns: Mutex::default(),
            idlest: Mutex::default(),
            next: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_MAX)),
            gone: Notify::new(),
        }
    }
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

    /// The connection that can be done without: one that has its refusal and is only waited for,
    /// else the one that has been idle for the longest.
    pub(crate) fn idlest(&self) -> Option<Arc<Conn>> {
        let mut candidates = self.idlest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(conn) = first_still_idle(&mut candidates) {
            return Some(conn);
        }
        let conns = self.all();
        let mut idle: Vec<_> =
            conns.iter().filter_map(|conn| Some((idle_since(&conn.state())?, conn))).collect();
        idle.sort_by_key(|(since, _)| *since);
        idle.truncate(IDLEST_AT_ONCE);
        let last_first = idle.into_iter().rev();
        *candidates = last_first.map(|(since, conn)| (since, Arc::downgrade(conn))).collect();
        first_still_idle(&mut candidates)
    }
}

/// Which connection can be done without before which: the lesser one goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Idle {
    /// It has been refused, and is lingered for.
    Refused(Instant),
    /// It is between two requests.
    Between(Instant),
}

/// Whether nothing is asked or owed, and since when.
fn idle_since(state: &State) -> Option<Idle> {
    match state.protocol.phase() {
        _ if state.over.is_some() || !state.outbox.is_empty() || state.is_writing() => None,
        Phase::Idle => Some(Idle::Between(state.last_active)),
        Phase::Ending if state.lingering.is_some() => Some(Idle::Refused(state.last_active)),
        Phase::Reading | Phase::Answering | Phase::Ending => None,
    }
}

/// Takes the first candidate that has done nothing since it was one, and of which nothing has come
/// that has not been read yet.
fn first_still_idle(candidates: &mut Vec<(Idle, Weak<Conn>)>) -> Option<Arc<Conn>> {
    while let Some((since, candidate)) = candidates.pop() {
        let Some(conn) = candidate.upgrade() else { continue };
        let is_still = idle_since(&conn.state()) == Some(since);
        let asks = matches!(since, Idle::Between(_)) && conn.stream.has_bytes();
        if is_still && !asks {
            return Some(conn);
        }
    }
    None
}
