//! Once a second: the date is rendered, every connection is asked whether it is late, requests
//! that have waited too long are told so, and a worker drops what other threads have left for it.
//!
//! One sweep costs less than a timer for each connection, and nobody needs a timeout to be exact
//! to more than a second.

use std::sync::Arc;
use std::time::Duration;

use crate::incoming;
use crate::shared::Shared;
use crate::telemetry::Turned;

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs for as long as the server does.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        interval.tick().await;
        sweep(&shared);
    }
}

/// One sweep.
pub(crate) fn sweep(shared: &Shared) {
    shared.clock.tick();
    let conns = shared.registry.all();
    for conn in &conns {
        conn.sweep();
    }
    if !conns.is_empty() {
        // Memory of the application's that the I/O thread has sent, for instance.
        shared.queue.housekeep();
    }
    shared.spooling.buffers.age();
    let now = shared.clock.instant();
    if let Some(limit) = now.checked_sub(shared.settings.queue_timeout) {
        for waiting in shared.queue.expire(limit) {
            incoming::turn_away(&waiting, Turned::QueueTimeout);
        }
    }
}
