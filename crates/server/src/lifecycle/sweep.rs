//! Runs once a second: checks every connection's deadlines, answers requests that have waited too long
//! in the queue, has a worker drop the objects that other threads left for it, and tells the supervisor,
//! if there is one, that this process lives and what it does.
//!
//! One sweep costs less than a timer for each connection, and no timeout needs a precision better
//! than a second.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::lifecycle::server_state::ServerState;
use crate::telemetry::RejectReason;

/// The interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// How late a sweep must be for the server to have stood still, and not only to have been busy.
const STANDSTILL_MIN: Duration = Duration::from_secs(1);

/// Calls `check` periodically, with the time for which the server has stood still since the last call.
pub(crate) async fn periodically(check: impl Fn(Duration)) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let late = interval.tick().await.elapsed();
        check(if late >= STANDSTILL_MIN { late } else { Duration::ZERO });
    }
}

/// Makes a check on the thread that makes it periodically, and returns after it. For tests that advance
/// the clock. From any other thread, it could see a connection whose input has been taken from the
/// kernel, and not been looked at.
pub(crate) fn on_thread_of(runtime: &Handle, check: impl FnOnce() + Send + 'static) {
    let checked = runtime.spawn(async { check() });
    match runtime.block_on(checked) {
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // Cancelled: the runtime has ended, and nothing is left to check.
        Ok(()) | Err(_) => {}
    }
}

/// Runs while the server runs.
pub(crate) async fn run(server: Arc<ServerState>) {
    periodically(|standstill| sweep(&server, standstill)).await;
}

/// One sweep. After a standstill, requests may wait for one more interval: the threads that would have
/// taken them have stood still as well.
pub(crate) fn sweep(server: &ServerState, standstill: Duration) {
    let ServerState { settings, shared, frontend, queue, .. } = server;
    if frontend.sweep(standstill) > 0 {
        // For example, memory of the application that the I/O thread has sent, or that a client who has
        // left did not read: who was there since the last sweep counts, also if nobody is now.
        queue.housekeep();
    }
    queue.show_again();
    let now = shared.clock.instant();
    if standstill.is_zero()
        && let Some(limit) = now.checked_sub(settings.timeouts.queue)
    {
        for waiting in queue.expire(limit) {
            waiting.requester.reject_overloaded(RejectReason::QueueTimeout);
        }
    }
    #[cfg(unix)]
    server.publish();
}
