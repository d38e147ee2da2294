//! Empties a worker process that hangs, before it is killed: its I/O thread runs, and needs no
//! interpreter.
//!
//! What can move goes to other workers, as when a worker retires. Then it answers what is left and
//! has no response yet: 503 to requests that wait or still arrive, and to those that run what
//! `request-timeout` would. What has been answered gets a while to be sent. Until the process is
//! killed, newcomers are treated in the same way.

use std::time::Duration;

use crate::lifecycle::retire;
use crate::lifecycle::running::Control;
use crate::lifecycle::server_state::ServerState;
use crate::scheduling::workers::Overdue;
use crate::telemetry::RejectReason;

/// How long requests that could move may find no inbox with room.
const MOVED_WITHIN: Duration = Duration::from_millis(200);

/// How long clients may take to read what was answered.
const SENT_WITHIN: Duration = Duration::from_secs(2);

/// How often it is looked again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Waits until it is asked for, and evacuates.
pub(crate) async fn when_asked(control: &Control) {
    control.evacuation_asked().await;
    let server = &control.server;
    retire::begin(server);
    let began = server.shared.clock.instant();
    loop {
        retire::hand_over(server);
        let passed = server.shared.clock.instant().saturating_duration_since(began);
        if server.queue.len() == 0 || passed >= MOVED_WITHIN {
            answer(server);
            let all = server.frontend.registry.all();
            if passed >= SENT_WITHIN || !all.iter().any(|conn| conn.has_unsent_output()) {
                control.evacuated();
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Answers what could not move.
fn answer(server: &ServerState) {
    for waiting in server.queue.clear() {
        waiting.requester.reject_overloaded(RejectReason::WorkerHung);
    }
    for thread in server.workers.all() {
        if let Some(serving) = thread.slot.serving()
            && thread.mark(Overdue::TimedOut, serving.since)
        {
            serving.requester.time_out(thread.slot.index, serving.since);
            thread.slot.show_answered();
        }
    }
    for conn in server.frontend.registry.all() {
        conn.reject_arriving(RejectReason::WorkerHung);
    }
}
