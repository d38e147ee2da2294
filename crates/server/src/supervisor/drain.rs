//! Stops all workers without losing a connection.
//!
//! Readiness fails, and responses say `Connection: close`. After `drain-delay` newcomers are kept
//! out (`listen/syn_filter.rs`): the filter is on the sockets that all workers have. Then the workers
//! accept what has connected and close the listeners, and so does the supervisor. A worker that has
//! finished stays until all have: it may be given requests of the others.

use std::time::{Duration, Instant};

use super::control::ToWorker;
use super::facts::Periods;
use super::process::Worker;
use super::run::Supervisor;
use super::view::WorkerState;
use crate::listen::{HANDSHAKES_END_WITHIN, Sharing};

/// How long workers may take to say that they announce the drain.
const ANNOUNCED_WITHIN: Duration = Duration::from_millis(100);

/// How far the drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DrainStage {
    /// Responses say `Connection: close`; connections are still accepted.
    Announced,
    /// Nobody new can connect; handshakes end.
    Filtered,
    /// The listeners are closed; requests are finished.
    Finishing,
    /// Everybody was told to end.
    Ending,
}

/// The drain of all workers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    stage: DrainStage,
    since: Instant,
    periods: Periods,
}

impl Drain {
    /// Begins to drain.
    pub(super) fn begin(supervisor: &Supervisor) -> Self {
        tracing::info!(
            target: "maitred",
            workers = supervisor.workers.len(),
            "draining: requests in progress will be finished"
        );
        tell_all(supervisor, &ToWorker::AnnounceDrain);
        let periods = supervisor.fleet.drain_periods();
        Self { stage: DrainStage::Announced, since: supervisor.now(), periods }
    }

    /// Goes on as far as it is time to.
    pub(super) fn step(&mut self, supervisor: &mut Supervisor) {
        let Periods { drain_delay, graceful_timeout, .. } = self.periods;
        let now = supervisor.now();
        let passed = now.saturating_duration_since(self.since);
        match self.stage {
            DrainStage::Announced => {
                let have_all_said = serving(supervisor).all(|worker| worker.has_children.is_some());
                let is_time = have_all_said || passed >= drain_delay + ANNOUNCED_WITHIN;
                if passed < drain_delay || !is_time {
                    return;
                }
                // Processes that the application has started have the sockets, too, and may serve.
                let are_alone = serving(supervisor).all(|it| it.has_children == Some(false));
                let is_filtered = are_alone
                    && supervisor
                        .listeners
                        .as_ref()
                        .is_some_and(|it| it.drop_newcomers(Sharing::OnlyWorkers));
                if is_filtered {
                    self.reach(DrainStage::Filtered, now);
                } else {
                    self.close(supervisor, now);
                }
            }
            DrainStage::Filtered if passed >= HANDSHAKES_END_WITHIN => self.close(supervisor, now),
            DrainStage::Finishing => {
                let waits = |worker: &Worker| {
                    supervisor.board.seat(worker.seat).is_some_and(|seat| seat.waiting() > 0)
                };
                // Connections that move from one process to another are open, too.
                let is_open = supervisor.board.open_connections() > 0;
                let are_idle = !is_open && !serving(supervisor).any(waits);
                if are_idle || passed >= graceful_timeout {
                    tell_all(supervisor, &ToWorker::End);
                    self.reach(DrainStage::Ending, now);
                }
            }
            DrainStage::Filtered | DrainStage::Ending => {}
        }
    }

    fn close(&mut self, supervisor: &mut Supervisor, now: Instant) {
        tell_all(supervisor, &ToWorker::CloseListeners);
        supervisor.listeners = None;
        self.reach(DrainStage::Finishing, now);
    }

    fn reach(&mut self, stage: DrainStage, now: Instant) {
        (self.stage, self.since) = (stage, now);
    }
}

fn serving(supervisor: &Supervisor) -> impl Iterator<Item = &Worker> {
    supervisor.workers.values().filter(|worker| worker.state == WorkerState::Ready)
}

fn tell_all(supervisor: &Supervisor, message: &ToWorker) {
    for worker in serving(supervisor) {
        worker.tell(message, &[]);
    }
}
