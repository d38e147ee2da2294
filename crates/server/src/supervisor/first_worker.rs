//! The worker process with which a server starts. If it cannot become ready, no other would, so the server
//! ends, and its user sees why at once. In development the cause is about to be repaired, so the server
//! waits for the reload that follows, which starts such a process again.

use std::time::Duration;

use super::facts::{Command, End, ReloadResult, Serial, StartFailure, StartReason};
use super::fleet::Fleet;
use super::replacement::ReloadStage;

/// The process with which a server starts: the others follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstWorker {
    /// It has this serial, or will have.
    Process(Serial),
    /// It could not become ready.
    AwaitsReload,
}

impl Fleet {
    /// The first process has ended before it was ready.
    pub(super) fn first_has_failed(&mut self, commands: &mut Vec<Command>) {
        let awaits_reload = self.limits.start_failure == StartFailure::AwaitsReload;
        // Others have started after it if it had imported the application.
        if !awaits_reload || !self.processes.is_empty() {
            return self.end(End::CannotStart, commands);
        }
        self.first = FirstWorker::AwaitsReload;
        self.starts.clear();
        commands.push(match self.reload.take() {
            Some(_) => Command::ReloadEnded(ReloadResult::CannotStart),
            None => Command::AwaitReload,
        });
    }

    /// Begins a reload that starts another first process.
    pub(super) fn start_again(&mut self, now: Duration) {
        self.failed_in_a_row = 0;
        self.first = FirstWorker::Process(self.next_serial);
        self.starts.insert(0, (now, StartReason::Start));
    }

    /// A process is ready: if it is the first one of such a reload, it has replaced what could not start.
    pub(super) fn first_may_be_ready(&mut self, serial: Serial) {
        if let Some(reload) = &mut self.reload
            && self.first == FirstWorker::Process(serial)
            && reload.stage == ReloadStage::Importing
        {
            reload.replaced = 1;
            reload.stage = ReloadStage::RollingOut;
        }
    }
}

#[cfg(test)]
#[path = "tests/first_worker.rs"]
mod tests;
