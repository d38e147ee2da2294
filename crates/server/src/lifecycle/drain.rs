//! Stops the server without losing requests.
//!
//! In this order: readiness fails; for `drain-delay` connections are still accepted, and responses
//! say `Connection: close`; newcomers are kept out (`listen/syn_filter.rs`), connections in the
//! kernel's backlog are accepted, and the listeners close; idle connections close; running requests
//! may continue for `graceful-timeout`. The remaining requests are then logged, with their stacks,
//! and cut off.
//!
//! A connection is idle only if no input has arrived on it. A client that has just connected gets
//! one second to send a request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::conn::Newcomers;
use crate::lifecycle::accept;
use crate::lifecycle::request_timeout::STACK_WITHIN;
use crate::lifecycle::server_state::{ServerState, Supervision};
use crate::listen::acceptor::Acceptor;
use crate::listen::{HANDSHAKES_END_WITHIN, Listeners, Sharing};
use crate::telemetry::RejectReason;
use crate::telemetry::snapshot::ServerPhase;

/// How often the number of connections is checked, in addition to notifications.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The maximum time for tasks to end after their connections have been aborted. Only a task that
/// waits for a disk needs longer than a moment.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(1);

/// The maximum time for an accepted connection to send the first byte of its first request.
const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(1);

/// The maximum time to log the aborted requests.
const LOGGED_WITHIN: Duration = Duration::from_secs(1);

/// What becomes of connections that nobody has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backlog {
    /// They are accepted.
    Accepted,
    /// They are left to others.
    Left,
}

/// Starts the drain: from now on, responses say `Connection: close`.
pub(crate) fn announce(server: &ServerState) {
    server.phase.reach(ServerPhase::Draining);
    // For workers, the supervisor says it once.
    if server.supervision() == Supervision::Alone {
        tracing::info!(
            target: "maitred",
            connections = server.frontend.registry.len(),
            waiting = server.queue.len(),
            "draining: requests in progress will be finished"
        );
    }
    server.frontend.announce_drain();
}

/// Accepts everything that has connected, and closes the listeners. A worker that retires leaves
/// what has connected to the others, which have the same listeners.
pub(crate) async fn close(
    server: &Arc<ServerState>,
    acceptors: Vec<Arc<Acceptor>>,
    listeners: Listeners,
    backlog: Backlog,
) {
    if backlog == Backlog::Left {
        return;
    }
    if listeners.drop_newcomers(Sharing::PerhapsChildren) {
        tokio::time::sleep(HANDSHAKES_END_WITHIN).await;
    }
    for (index, acceptor) in acceptors.iter().enumerate() {
        accept::drain_backlog(&server.frontend, acceptor, index);
    }
    drop(acceptors);
    drop(listeners);
}

/// Closes idle connections at once, and the others after their response. Nothing is accepted any
/// more. `may_end` tells whether the server may end when it has no connection.
pub(crate) async fn finish(
    server: &Arc<ServerState>,
    deadline: Instant,
    may_end: impl Fn() -> bool,
) {
    let began = server.shared.clock.instant();
    loop {
        let now = server.shared.clock.instant();
        let is_late = now.saturating_duration_since(began) >= FIRST_BYTE_WITHIN;
        let newcomers = if is_late { Newcomers::MustLeave } else { Newcomers::MayStay };
        for conn in server.frontend.registry.all() {
            conn.leave_if_idle(newcomers);
        }
        if (server.frontend.registry.len() == 0 && may_end()) || now >= deadline {
            break;
        }
        let gone = server.frontend.registry.gone.notified();
        // Late or not, the count decides.
        let _ = tokio::time::timeout(LOOK_AGAIN, gone).await;
    }
    if server.frontend.registry.len() > 0 {
        let server = Arc::clone(server);
        // Not on the I/O thread, because it waits for the interpreter, and responses may still need
        // the I/O thread.
        let logging = tokio::task::spawn_blocking(move || log_unfinished(&server));
        // A panic in it only loses these log lines. It gets no thread while a disk blocks all of
        // them, and the shutdown must not wait for that.
        let _ = tokio::time::timeout(LOGGED_WITHIN, logging).await;
    }
}

/// Logs the requests that will be aborted.
fn log_unfinished(server: &ServerState) {
    let now = server.shared.clock.instant();
    let mut patience = STACK_WITHIN;
    for thread in server.workers.all() {
        let Some(serving) = thread.running() else { continue };
        let summary = serving.summary(now);
        let began = server.shared.clock.instant();
        let stack = thread.stack(patience);
        patience =
            patience.saturating_sub(server.shared.clock.instant().saturating_duration_since(began));
        tracing::warn!(
            target: "maitred",
            method = summary.method,
            path = summary.path,
            client = summary.client,
            request_id = summary.request_id.as_deref(),
            seconds = summary.runs_for.as_secs_f64(),
            worker_thread = thread.name,
            stack,
            "graceful-timeout: a running request is aborted"
        );
    }
}

/// Aborts the remaining connections, and waits until their tasks have ended. Requests that still
/// wait for a thread are answered 503.
pub(crate) async fn cut_off(server: &ServerState) {
    for waiting in server.queue.clear() {
        waiting.requester.reject_overloaded(RejectReason::Draining);
    }
    for conn in server.frontend.registry.all() {
        conn.cut_off();
    }
    #[cfg(unix)]
    for thread in server.workers.all() {
        thread.slot.show_answered();
    }
    let gone = async {
        while server.frontend.registry.len() > 0 {
            // Late or not, the count decides.
            let _ =
                tokio::time::timeout(LOOK_AGAIN, server.frontend.registry.gone.notified()).await;
        }
    };
    if tokio::time::timeout(CUT_OFF_WITHIN, gone).await.is_err() {
        tracing::warn!(
            target: "maitred",
            connections = server.frontend.registry.len(),
            "connections could not be closed in time"
        );
    }
}
