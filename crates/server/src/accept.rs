//! Accepts connections, and enforces `connection-limit`.
//!
//! At the limit, the longest-idle keep-alive connection is closed to make room; only if none is
//! idle does the new client get a 503. With `connection-limit-action = "wait"`, accepting pauses
//! until a connection closes, as in Waitress.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use maitred_config::ConnectionLimitAction;
use maitred_http_parser::encode::Refusal;
use maitred_http_parser::exchange::Peer;

use crate::connection::conn::{Conn, State};
use crate::connection::io_task;
use crate::connection::stream::Stream;
use crate::listen::acceptor::Acceptor;
use crate::state::ServerState;
use crate::telemetry::{CloseReason, Telemetry, Turned};

/// How long one of those is waited for: a little longer than a refused client is lingered for.
const TURNED_AWAY_FOR: Duration = Duration::from_secs(3);

/// How long accepting pauses when it cannot go on: mostly because the process has no descriptors
/// left, and nobody is idle.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts on one listener for as long as it is polled.
pub(crate) async fn run(server: Arc<ServerState>, acceptor: Arc<Acceptor>, index: usize) {
    loop {
        let waits = server.shared.settings.connection_limit_action == ConnectionLimitAction::Wait;
        if waits {
            room(&server).await;
        }
        let accepted = poll_fn(|cx| {
            if waits && !has_room(&server) {
                return Poll::Ready(None); // another listener has taken the last place meanwhile
            }
            acceptor.poll_accept(cx).map(Some)
        });
        match accepted.await {
            Some(Ok((stream, peer))) => admit(&server, stream, peer, index),
            Some(Err(error)) => recover(&server, &error).await,
            None => {}
        }
    }
}

/// Takes in what the kernel has accepted already, before a listener is closed: nobody whose
/// connection was established is reset. The reactor may not have been told of all of them.
pub(crate) fn drain_backlog(server: &Arc<ServerState>, acceptor: &Acceptor, index: usize) {
    loop {
        match acceptor.accept_now() {
            Ok((stream, peer)) => admit(server, stream, peer, index),
            // Behind one that has gone already others may wait.
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return,
        }
    }
}

fn has_room(server: &ServerState) -> bool {
    server.registry.len() < server.shared.settings.connection_limit
}

/// Waits until there are fewer connections than the limit.
async fn room(server: &ServerState) {
    let mut paused = None;
    loop {
        let mut gone = pin!(server.registry.gone.notified());
        gone.as_mut().enable();
        if has_room(server) {
            return;
        }
        paused.get_or_insert_with(|| {
            server.shared.telemetry.limit_reached();
            Paused::now(&server.shared.telemetry)
        });
        gone.await;
    }
}

/// For as long as it lives, a listener does not accept.
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

/// An accept failed. Some failures are about one connection, and the next may be fine; without
/// descriptors there is none until somebody leaves. Of any other the next may fail as well, so
/// that trying again at once would only keep the processor busy.
async fn recover(server: &ServerState, error: &io::Error) {
    if is_out_of_descriptors(error) {
        server.shared.telemetry.out_of_descriptors(error);
        if !evict(server) {
            let _paused = Paused::now(&server.shared.telemetry);
            tokio::time::sleep(PAUSE).await;
        } else {
            tokio::task::yield_now().await;
        }
        return;
    }
    if !is_of_one_connection(error) {
        tracing::warn!(target: "maitred", "cannot accept a connection: {error}");
        let _paused = Paused::now(&server.shared.telemetry);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether an accept failed for what became of one connection, so that the next may be fine.
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

/// Takes a connection in, or turns it away.
fn admit(server: &Arc<ServerState>, stream: Stream, peer: Peer, listener: usize) {
    server.shared.telemetry.connection_accepted(listener);
    let now = server.shared.clock.instant();
    let conn = Arc::new(Conn::new(Arc::clone(&server.shared), stream, peer, listener, now));
    if !has_room(server) {
        server.shared.telemetry.limit_reached();
        if !evict(server) {
            turn_away(server, conn);
            return;
        }
    }
    if server.shared.telemetry.is_draining() {
        conn.state().protocol.handle_drain_announced();
    }
    let key = server.registry.enter(Arc::clone(&conn));
    let open = Open { server: Arc::clone(server), key, reason: CloseReason::Error };
    tokio::spawn(async move {
        let reason = io_task::drive(conn).await;
        open.ended(reason);
    });
}

/// A connection that is counted. Whatever becomes of its task, it is counted out once.
struct Open {
    server: Arc<ServerState>,
    key: u64,
    /// Why it ends; a task that does not come to tell has failed.
    reason: CloseReason,
}

impl Open {
    fn ended(mut self, reason: CloseReason) {
        self.reason = reason;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.server.registry.remove(self.key);
        self.server.shared.telemetry.connection_closed(self.reason);
    }
}

/// Closes the connection that can be done without, if there is one.
fn evict(server: &ServerState) -> bool {
    let Some(idlest) = server.registry.idlest() else { return false };
    let mut state = idlest.state();
    if state.lingering.is_some() {
        let reason = state.ends_as;
        idlest.leave(&mut state, reason);
    } else {
        idlest.leave(&mut state, CloseReason::Evicted);
        server.shared.telemetry.evicted();
    }
    drop(state);
    idlest.stream.close();
    true
}

/// Tells a newcomer that there is no room.
fn turn_away(server: &Arc<ServerState>, conn: Arc<Conn>) {
    server.shared.telemetry.turned_away(Turned::Limit);
    let now = server.shared.clock.now();
    {
        let mut state = conn.state();
        let State { protocol, outbox, .. } = &mut *state;
        let refusal = Refusal::Busy { retry_after_seconds: 1 };
        outbox.append(|out| protocol.turn_away(&refusal, out, &now));
        state.ends_as = CloseReason::Rejected;
    }
    conn.flush(now.instant);
    let Ok(place) = Arc::clone(&server.registry.turned_away).try_acquire_owned() else {
        server.shared.telemetry.connection_closed(CloseReason::Rejected);
        return;
    };
    let server = Arc::clone(server);
    tokio::spawn(async move {
        // The registry does not know it, so that no sweep asks whether it is late.
        let over = tokio::time::timeout(TURNED_AWAY_FOR, io_task::drive(conn)).await;
        drop(place);
        server.shared.telemetry.connection_closed(over.unwrap_or(CloseReason::Protocol));
    });
}
