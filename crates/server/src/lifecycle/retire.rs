//! Ends a worker process while others go on: it hands its connections over, and closes none.
//!
//! Requests that wait and connections between two requests move at once; a connection whose request
//! runs here moves after the response, and one in the middle of a body after that. The worker ends
//! when it has no connection left. If no other worker takes them, it serves on until its time is up.

use std::time::{Duration, Instant};

use crate::lifecycle::server_state::ServerState;

/// How often connections that may move now are looked for. A full inbox has been read by then.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Begins: from now on, a request that arrives moves.
pub(crate) fn begin(server: &ServerState) {
    if let Some(siblings) = &server.shared.siblings {
        siblings.retire();
    }
    tracing::debug!(
        target: "maitred",
        connections = server.frontend.registry.len(),
        "retiring: connections are handed to other worker processes"
    );
}

/// Hands everything over that can move, until nothing is left or the deadline has passed.
pub(crate) async fn finish(server: &ServerState, deadline: Instant) {
    loop {
        hand_over(server);
        let registry = &server.frontend.registry;
        if registry.len() == 0 || server.shared.clock.instant() >= deadline {
            return;
        }
        // Late or not, the count decides.
        let _ = tokio::time::timeout(LOOK_AGAIN, registry.gone.notified()).await;
    }
}

/// Hands over what can move now.
pub(super) fn hand_over(server: &ServerState) {
    let Some(siblings) = &server.shared.siblings else { return };
    let _: usize = server.queue.hand_over_waiting(&mut |_, _| siblings.on_retirement());
    for conn in server.frontend.registry.all() {
        let Some(to) = siblings.for_idle_connection() else { return };
        conn.hand_over_if_idle(to);
    }
}
