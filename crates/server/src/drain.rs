//! Stops the server without losing anything.
//!
//! In this order: readiness says no; for `drain-delay` everything is still accepted, with
//! `Connection: close` on the answers; what the kernel has accepted is taken in, and the listeners
//! close; idle connections close; what runs may run on for `graceful-timeout`. What is left then
//! is named in the log and cut off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred_http_parser::connection::Phase;

use crate::shared::Shared;

/// How often it is looked whether the last connection has gone, besides being told of each.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How long tasks may take to end once their connections have been cut off. Only one that waits for
/// a disk takes longer than a moment.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(1);

/// The server will stop: answers say so from now on.
pub(crate) fn announce(shared: &Shared) {
    shared.telemetry.set_draining();
    for conn in shared.registry.all() {
        conn.state().protocol.handle_drain_announced();
    }
}

/// Nobody is accepted any more: idle connections end, and the others after their response.
pub(crate) async fn finish(shared: &Arc<Shared>, deadline: Instant) {
    for conn in shared.registry.all() {
        let mut state = conn.state();
        state.protocol.handle_drain();
        state.wake_io();
    }
    while shared.registry.len() > 0 && shared.clock.instant() < deadline {
        let gone = shared.registry.gone.notified();
        // Late or not, the count decides.
        let _ = tokio::time::timeout(LOOK_AGAIN, gone).await;
    }
}

/// Cuts off what is left, and waits until its tasks have seen that.
pub(crate) async fn cut_off(shared: &Shared) {
    let now = shared.clock.instant();
    for conn in shared.registry.all() {
        report(&conn, now);
        conn.cut_off();
    }
    let gone = async {
        while shared.registry.len() > 0 {
            // Late or not, the count decides.
            let _ = tokio::time::timeout(LOOK_AGAIN, shared.registry.gone.notified()).await;
        }
    };
    if tokio::time::timeout(CUT_OFF_WITHIN, gone).await.is_err() {
        tracing::warn!(target: "maitred", "{} connections did not end", shared.registry.len());
    }
}

/// Names a request that is cut off.
fn report(conn: &crate::conn::Conn, now: Instant) {
    let state = conn.state();
    if state.protocol.phase() != Phase::Answering {
        return;
    }
    if let Some(record) = &state.record {
        tracing::warn!(
            target: "maitred",
            "cut off at shutdown: {} {} of {} after {:.1} s",
            record.head.method(),
            String::from_utf8_lossy(record.head.path()),
            record.peer().host,
            now.saturating_duration_since(record.received_at).as_secs_f64()
        );
    }
}
