//! Accepts connections, and enforces `connection-limit`.
//!
//! At the limit, the longest-idle keep-alive connection is closed to make room; only if none is
//! idle does the new client get a 503. With `connection-limit-action = "wait"`, accepting pauses
//! until a connection closes, as in Waitress. The admin listener has a limit and a way of its own
//! (`frontend.rs`).
//!
//! The connections of all worker processes count, those on their way from one to another included. Each
//! process adds them up by itself, so for a moment there may be more than the limit, by one for each
//! process.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use maitred_http_parser::exchange::Peer;

use crate::connection::conn::ClientConnection;
use crate::connection::descriptors::ClientDescriptor;
use crate::connection::drive::{self, Driven};
use crate::connection::submit::Arriving;
use crate::lifecycle::frontend::{AtLimit, Frontend, Room};
use crate::listen::acceptor::Acceptor;
use crate::system::spare_descriptors;
use crate::telemetry::{CloseReason, RejectReason, Telemetry};
use crate::transport::stream::Stream;

/// The maximum time for a rejected connection to end: slightly longer than it lingers.
const REJECTED_LINGER_MAX: Duration = Duration::from_secs(3);

/// The pause after a failed accept, usually because no descriptors are left and no connection is
/// idle.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a process looks whether its interpreter is still stalled.
const STALLED_LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How often the number of connections is checked while there is no room.
const ROOM_LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Accepts on one listener while it is polled.
pub(crate) async fn run(frontend: Arc<Frontend>, acceptor: Arc<Acceptor>, index: usize) {
    loop {
        while frontend.leaves_accepting() {
            // Other worker processes accept meanwhile.
            tokio::time::sleep(STALLED_LOOK_AGAIN).await;
        }
        let waits = frontend.at_limit == AtLimit::Wait;
        if waits {
            room(&frontend).await;
        }
        let accepted = poll_fn(|cx| {
            if waits && !frontend.has_room() {
                return Poll::Ready(None); // another listener has taken the last place meanwhile
            }
            if frontend.leaves_accepting() {
                return Poll::Ready(None);
            }
            acceptor.poll_accept(cx).map(Some)
        });
        match accepted.await {
            Some(Ok(accepted)) => {
                let beyond = if waits { BeyondLimit::Admitted } else { BeyondLimit::Rejected };
                let newcomer =
                    Newcomer { frontend: &frontend, accepted: Some(accepted), index, beyond };
                if !waits && !frontend.has_room() {
                    let_others_leave().await;
                }
                drop(newcomer);
            }
            Some(Err(error)) => recover(&frontend, &error).await,
            None => {}
        }
    }
}

/// A connection that has been accepted. It is admitted when this value is dropped, also if accepting is
/// ended meanwhile: nobody else has it.
struct Newcomer<'a> {
    frontend: &'a Arc<Frontend>,
    accepted: Option<(Stream, Peer)>,
    index: usize,
    beyond: BeyondLimit,
}

impl Drop for Newcomer<'_> {
    fn drop(&mut self) {
        if let Some((stream, peer)) = self.accepted.take() {
            admit(self.frontend, stream, peer, self.index, self.beyond);
        }
    }
}

/// Lets the reactor and the connections have a turn: clients that connect anew have often closed their
/// last connection a moment ago, and its end must be read before there is room.
async fn let_others_leave() {
    // The first turn ends with the reactor's look at the sockets, the second one with what it saw.
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

/// Accepts the connections in the kernel's backlog before a listener is closed, so that none of them
/// is reset. The reactor may not know of all of them.
pub(crate) fn drain_backlog(frontend: &Arc<Frontend>, acceptor: &Acceptor, index: usize) {
    loop {
        match acceptor.accept_now() {
            Ok((stream, peer)) => admit(frontend, stream, peer, index, BeyondLimit::Rejected),
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
            lacks_room(frontend);
            Paused::now(&frontend.shared.telemetry)
        });
        // Connections of other worker processes close without a notification.
        let _ = tokio::time::timeout(ROOM_LOOK_AGAIN, gone).await;
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
        if frontend.at_limit == AtLimit::CloseOldest && spare_descriptors::release() {
            return; // the admin listener answers even then
        }
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

/// What becomes of a connection for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BeyondLimit {
    /// It takes the place of an idle one, or is rejected.
    Rejected,
    /// It is admitted: there was room before it was accepted, and another process has filled it since.
    Admitted,
}

/// Admits a connection, or rejects it.
fn admit(
    frontend: &Arc<Frontend>,
    stream: Stream,
    peer: Peer,
    listener: usize,
    beyond: BeyondLimit,
) {
    frontend.shared.telemetry.connection_accepted(listener);
    let now = frontend.shared.clock.instant();
    let conn =
        Arc::new(ClientConnection::new(Arc::clone(&frontend.shared), stream, peer, listener, now));
    let why = lacks_room(frontend);
    if let Some(why) = why
        && !(why == RejectReason::Limit && beyond == BeyondLimit::Admitted)
        && !evict(frontend)
    {
        reject_overloaded(frontend, conn, why);
        return;
    }
    let open = enter(frontend, &conn);
    serve(conn, None, open);
}

/// Why there is no room, which is told.
fn lacks_room(frontend: &Frontend) -> Option<RejectReason> {
    let telemetry = &frontend.shared.telemetry;
    match frontend.room() {
        Room::Free => None,
        Room::AtLimit => {
            telemetry.limit_reached();
            Some(RejectReason::Limit)
        }
        Room::NoDescriptors => {
            telemetry.descriptors_are_short("clients may not take the last ones");
            Some(RejectReason::FileDescriptors)
        }
    }
}

/// Enters a connection into the registry.
pub(super) fn enter(frontend: &Arc<Frontend>, conn: &Arc<ClientConnection>) -> Open {
    let key = frontend.enter(conn);
    frontend.show_connections();
    let descriptor = frontend.shared.descriptors.take();
    let end = Driven::Closed(CloseReason::Error);
    Open { frontend: Arc::clone(frontend), key, descriptor: Some(descriptor), end }
}

/// Serves a connection, on which a request may be arriving, until it ends or has moved to another
/// process.
pub(super) fn serve(conn: Arc<ClientConnection>, arriving: Arriving, open: Open) {
    tokio::spawn(async move {
        let end = drive::drive(conn, arriving).await;
        open.ended(end);
    });
}

/// A counted connection. Dropping it counts it out exactly once, whatever happens to its task.
pub(super) struct Open {
    frontend: Arc<Frontend>,
    key: u64,
    descriptor: Option<ClientDescriptor>,
    /// What became of it; a task that does not set it has failed.
    end: Driven,
}

impl Open {
    fn ended(mut self, end: Driven) {
        self.end = end;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let conn = self.frontend.registry.remove(self.key);
        self.descriptor = None;
        spare_descriptors::hold_again();
        self.frontend.show_connections();
        // Its task may have been dropped before it could tell.
        if conn.is_some_and(|conn| conn.has_moved()) {
            self.frontend.has_left();
        } else if let Driven::Closed(reason) = self.end {
            self.frontend.shared.telemetry.connection_closed(reason);
        }
    }
}

/// Closes a connection to make room, if there is one for it.
fn evict(frontend: &Frontend) -> bool {
    let Some(closable) = frontend.closable() else { return false };
    closable.make_room();
    true
}

/// Answers 503 to a new connection.
fn reject_overloaded(frontend: &Arc<Frontend>, conn: Arc<ClientConnection>, why: RejectReason) {
    frontend.shared.telemetry.overload_rejected(why);
    conn.reject_newcomer();
    let Ok(place) = Arc::clone(&frontend.registry.rejected_lingering).try_acquire_owned() else {
        frontend.shared.telemetry.connection_closed(CloseReason::Rejected);
        return;
    };
    let frontend = Arc::clone(frontend);
    tokio::spawn(async move {
        // It is not in the registry, so no sweep checks its deadline.
        let over = tokio::time::timeout(REJECTED_LINGER_MAX, drive::drive(conn, None)).await;
        drop(place);
        let reason = match over {
            Ok(Driven::Closed(reason)) => reason,
            Ok(Driven::Moved) | Err(_) => CloseReason::Protocol,
        };
        frontend.shared.telemetry.connection_closed(reason);
    });
}

#[cfg(all(test, target_os = "linux"))]
#[path = "tests/accept.rs"]
mod tests;
