//! Accepts connections, and enforces `connection-limit`.
//!
//! At the limit, the longest-idle keep-alive connection is closed to make room; only if none is
//! idle does the new client get a 503. With `connection-limit-action = "wait"`, accepting pauses
//! until a connection closes, as in Waitress. The admin listener has a limit and a way of its own
//! (`frontend.rs`).

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use maitred_http_parser::exchange::Peer;

use crate::connection::conn::ClientConnection;
use crate::connection::drive;
use crate::lifecycle::frontend::{AtLimit, Frontend};
use crate::listen::acceptor::Acceptor;
use crate::telemetry::{CloseReason, RejectReason, Telemetry};
use crate::transport::stream::Stream;

/// The maximum time for a rejected connection to end: slightly longer than it lingers.
const REJECTED_LINGER_MAX: Duration = Duration::from_secs(3);

/// The pause after a failed accept, usually because no descriptors are left and no connection is
/// idle.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts on one listener while it is polled.
pub(crate) async fn run(frontend: Arc<Frontend>, acceptor: Arc<Acceptor>, index: usize) {
    loop {
        let waits = frontend.at_limit == AtLimit::Wait;
        if waits {
            room(&frontend).await;
        }
        let accepted = poll_fn(|cx| {
            if waits && !frontend.has_room() {
                return Poll::Ready(None); // another listener has taken the last place meanwhile
            }
            acceptor.poll_accept(cx).map(Some)
        });
        match accepted.await {
            Some(Ok((stream, peer))) => admit(&frontend, stream, peer, index),
            Some(Err(error)) => recover(&frontend, &error).await,
            None => {}
        }
    }
}

/// Accepts the connections in the kernel's backlog before a listener is closed, so that none of them
/// is reset. The reactor may not know of all of them.
pub(crate) fn drain_backlog(frontend: &Arc<Frontend>, acceptor: &Acceptor, index: usize) {
    loop {
        match acceptor.accept_now() {
            Ok((stream, peer)) => admit(frontend, stream, peer, index),
            // Others may wait behind a connection that has failed.
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return,
        }
    }
}

/// Waits until there are fewer connections than the limit.
async fn room(frontend: &Frontend) {
    let mut paused = None;
    loop {
        let mut gone = pin!(frontend.registry.gone.notified());
        gone.as_mut().enable();
        if frontend.has_room() {
            return;
        }
        paused.get_or_insert_with(|| {
            frontend.shared.telemetry.limit_reached();
            Paused::now(&frontend.shared.telemetry)
        });
        gone.await;
    }
}

/// While this value exists, a listener does not accept.
struct Paused<'a>(&'a Telemetry);

impl<'a> Paused<'a> {
    fn now(telemetry: &'a Telemetry) -> Self {
        telemetry.accept_paused();
        Self(telemetry)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.accept_resumed();
    }
}

/// Handles a failed accept. Some failures concern one connection only. Without descriptors, accepting
/// fails until a connection closes. After any other failure, the next accept may fail as well, so
/// retrying at once would only use CPU.
async fn recover(frontend: &Frontend, error: &io::Error) {
    if is_out_of_descriptors(error) {
        frontend.shared.telemetry.out_of_descriptors(error);
        if !evict(frontend) {
            let _paused = Paused::now(&frontend.shared.telemetry);
            tokio::time::sleep(PAUSE).await;
        } else {
            tokio::task::yield_now().await;
        }
        return;
    }
    if !is_of_one_connection(error) {
        tracing::warn!(target: "maitred", "cannot accept a connection: {error}");
        let _paused = Paused::now(&frontend.shared.telemetry);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the failure concerns only one connection.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

#[cfg(unix)]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

#[cfg(not(unix))]
fn is_out_of_descriptors(error: &io::Error) -> bool {
    /// WSAEMFILE and WSAENOBUFS.
    const OUT_OF_SOCKETS: [i32; 2] = [10024, 10055];
    error.raw_os_error().is_some_and(|code| OUT_OF_SOCKETS.contains(&code))
}

/// Admits a connection, or rejects it.
fn admit(frontend: &Arc<Frontend>, stream: Stream, peer: Peer, listener: usize) {
    frontend.shared.telemetry.connection_accepted(listener);
    let now = frontend.shared.clock.instant();
    let conn =
        Arc::new(ClientConnection::new(Arc::clone(&frontend.shared), stream, peer, listener, now));
    if !frontend.has_room() {
        frontend.shared.telemetry.limit_reached();
        if !evict(frontend) {
            reject_overloaded(frontend, conn);
            return;
        }
    }
    if frontend.shared.telemetry.is_draining() {
        conn.announce_drain();
    }
    let key = frontend.registry.enter(Arc::clone(&conn));
    let open = Open { frontend: Arc::clone(frontend), key, reason: CloseReason::Error };
    tokio::spawn(async move {
        let reason = drive::drive(conn).await;
        open.ended(reason);
    });
}

/// A counted connection. Dropping it counts it out exactly once, whatever happens to its task.
struct Open {
    frontend: Arc<Frontend>,
    key: u64,
    /// The close reason; a task that does not set it has failed.
    reason: CloseReason,
}

impl Open {
    fn ended(mut self, reason: CloseReason) {
        self.reason = reason;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.frontend.registry.remove(self.key);
        self.frontend.shared.telemetry.connection_closed(self.reason);
    }
}

/// Closes a connection to make room, if there is one for it.
fn evict(frontend: &Frontend) -> bool {
    let Some(closable) = frontend.closable() else { return false };
    closable.make_room();
    true
}

/// Answers 503 to a new connection.
fn reject_overloaded(frontend: &Arc<Frontend>, conn: Arc<ClientConnection>) {
    frontend.shared.telemetry.overload_rejected(RejectReason::Limit);
    conn.reject_newcomer();
    let Ok(place) = Arc::clone(&frontend.registry.rejected_lingering).try_acquire_owned() else {
        frontend.shared.telemetry.connection_closed(CloseReason::Rejected);
        return;
    };
    let frontend = Arc::clone(frontend);
    tokio::spawn(async move {
        // It is not in the registry, so no sweep checks its deadline.
        let over = tokio::time::timeout(REJECTED_LINGER_MAX, drive::drive(conn)).await;
        drop(place);
        frontend.shared.telemetry.connection_closed(over.unwrap_or(CloseReason::Protocol));
    });
}
