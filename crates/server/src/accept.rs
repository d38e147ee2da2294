//! Accepts connections, and enforces `connection-limit`.
//!
//! At the limit, the longest-idle keep-alive connection is closed to make room; only if none is
//! idle does the new client get a 503. With `connection-limit-action = "wait"`, accepting pauses
//! until a connection closes, as in Waitress.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use maitred_config::ConnectionLimitAction;
use maitred_http_parser::encode::Refusal;
use maitred_http_parser::exchange::Peer;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

use crate::conn::{Conn, State};
use crate::io_task;
use crate::listen::{ListenAddress, Listener};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::telemetry::{CloseReason, Telemetry, Turned};

/// How long one of those is waited for: a little longer than a refused client is lingered for.
const TURNED_AWAY_FOR: Duration = Duration::from_secs(3);

/// How long accepting pauses when it cannot go on: mostly because the process has no descriptors
/// left, and nobody is idle.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket, known to the reactor.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Acceptor {
    /// Registers a listening socket with the reactor of the current thread.
    pub(crate) fn register(listener: &Listener) -> io::Result<Self> {
        let socket = listener.socket.try_clone()?;
        socket.set_nonblocking(true)?;
        match listener.address {
            ListenAddress::Tcp(_) => TcpListener::from_std(socket.into()).map(Self::Tcp),
            #[cfg(unix)]
            ListenAddress::Unix(_) => UnixListener::from_std(socket.into()).map(Self::Unix),
            #[cfg(not(unix))]
            ListenAddress::Unix(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// The listening socket.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(listener) => SockRef::from(listener),
            #[cfg(unix)]
            Self::Unix(listener) => SockRef::from(listener),
        }
    }

    /// Accepts one connection.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, address)| {
                if !NODELAY_IS_INHERITED {
                    // Without it answers are only slower; the connection itself is fine.
                    let _ = stream.set_nodelay(true);
                }
                (Stream::Tcp(stream), Peer::tcp(address))
            }),
            #[cfg(unix)]
            Self::Unix(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| (Stream::Unix(stream), Peer::unix()))
            }
        }
    }
}

impl Acceptor {
    /// Accepts without asking the reactor.
    fn accept_now(&self) -> io::Result<(Stream, Peer)> {
        let (socket, address) = self.socket().accept()?;
        socket.set_nonblocking(true)?;
        match (self, address.as_socket()) {
            (Self::Tcp(_), Some(address)) => {
                if !NODELAY_IS_INHERITED {
                    // Without it answers are only slower; the connection itself is fine.
                    let _ = socket.set_tcp_nodelay(true);
                }
                Ok((Stream::Tcp(TcpStream::from_std(socket.into())?), Peer::tcp(address)))
            }
            #[cfg(unix)]
            (Self::Unix(_), _) => {
                Ok((Stream::Unix(UnixStream::from_std(socket.into())?), Peer::unix()))
            }
            (Self::Tcp(_), None) => Err(ErrorKind::AddrNotAvailable.into()),
        }
    }
}

/// Linux gives accepted sockets the options of the listening one, which saves a call for each.
const NODELAY_IS_INHERITED: bool = cfg!(target_os = "linux");

/// Accepts on one listener for as long as it is polled.
pub(crate) async fn run(shared: Arc<Shared>, acceptor: Arc<Acceptor>, index: usize) {
    loop {
        let waits = shared.settings.connection_limit_action == ConnectionLimitAction::Wait;
        if waits {
            room(&shared).await;
        }
        let accepted = poll_fn(|cx| {
            if waits && !has_room(&shared) {
                return Poll::Ready(None); // another listener has taken the last place meanwhile
            }
            acceptor.poll_accept(cx).map(Some)
        });
        match accepted.await {
            Some(Ok((stream, peer))) => admit(&shared, stream, peer, index),
            Some(Err(error)) => recover(&shared, &error).await,
            None => {}
        }
    }
}

/// Takes in what the kernel has accepted already, before a listener is closed: nobody whose
/// connection was established is reset. The reactor may not have been told of all of them.
pub(crate) fn drain_backlog(shared: &Arc<Shared>, acceptor: &Acceptor, index: usize) {
    loop {
        match acceptor.accept_now() {
            Ok((stream, peer)) => admit(shared, stream, peer, index),
            // Behind one that has gone already others may wait.
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return,
        }
    }
}

fn has_room(shared: &Shared) -> bool {
    shared.registry.len() < shared.settings.connection_limit
}

/// Waits until there are fewer connections than the limit.
async fn room(shared: &Shared) {
    let mut paused = None;
    loop {
        let mut gone = pin!(shared.registry.gone.notified());
        gone.as_mut().enable();
        if has_room(shared) {
            return;
        }
        paused.get_or_insert_with(|| {
            shared.telemetry.limit_reached();
            Paused::now(&shared.telemetry)
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
async fn recover(shared: &Shared, error: &io::Error) {
    if is_out_of_descriptors(error) {
        shared.telemetry.out_of_descriptors(error);
        if !evict(shared) {
            let _paused = Paused::now(&shared.telemetry);
            tokio::time::sleep(PAUSE).await;
        } else {
            tokio::task::yield_now().await;
        }
        return;
    }
    if !is_of_one_connection(error) {
        tracing::warn!(target: "maitred", "cannot accept a connection: {error}");
        let _paused = Paused::now(&shared.telemetry);
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
fn admit(shared: &Arc<Shared>, stream: Stream, peer: Peer, listener: usize) {
    shared.telemetry.connection_accepted(listener);
    let now = shared.clock.instant();
    let conn = Arc::new(Conn::new(Arc::clone(shared), stream, peer, listener, now));
    if !has_room(shared) {
        shared.telemetry.limit_reached();
        if !evict(shared) {
            turn_away(shared, conn);
            return;
        }
    }
    if shared.telemetry.is_draining() {
        conn.state().protocol.handle_drain_announced();
    }
    let key = shared.registry.enter(Arc::clone(&conn));
    let open = Open { shared: Arc::clone(shared), key, reason: CloseReason::Error };
    tokio::spawn(async move {
        let reason = io_task::drive(conn).await;
        open.ended(reason);
    });
}

/// A connection that is counted. Whatever becomes of its task, it is counted out once.
struct Open {
    shared: Arc<Shared>,
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
        self.shared.registry.remove(self.key);
        self.shared.telemetry.connection_closed(self.reason);
    }
}

/// Closes the connection that can be done without, if there is one.
fn evict(shared: &Shared) -> bool {
    let Some(idlest) = shared.registry.idlest() else { return false };
    let mut state = idlest.state();
    if state.lingering.is_some() {
        let reason = state.ends_as;
        idlest.leave(&mut state, reason);
    } else {
        idlest.leave(&mut state, CloseReason::Evicted);
        shared.telemetry.evicted();
    }
    drop(state);
    idlest.stream.close();
    true
}

/// Tells a newcomer that there is no room.
fn turn_away(shared: &Arc<Shared>, conn: Arc<Conn>) {
    shared.telemetry.turned_away(Turned::Limit);
    let now = shared.clock.now();
    {
        let mut state = conn.state();
        let State { protocol, outbox, .. } = &mut *state;
        let refusal = Refusal::Busy { retry_after_seconds: 1 };
        outbox.append(|out| protocol.turn_away(&refusal, out, &now));
        state.ends_as = CloseReason::Rejected;
    }
    conn.flush(now.instant);
    let Ok(place) = Arc::clone(&shared.registry.turned_away).try_acquire_owned() else {
        shared.telemetry.connection_closed(CloseReason::Rejected);
        return;
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        // The registry does not know it, so that no sweep asks whether it is late.
        let over = tokio::time::timeout(TURNED_AWAY_FOR, io_task::drive(conn)).await;
        drop(place);
        shared.telemetry.connection_closed(over.unwrap_or(CloseReason::Protocol));
    });
}
