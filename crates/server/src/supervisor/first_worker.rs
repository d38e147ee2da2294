//! The worker process with which a server starts. If it cannot import the application, nothing else
//! would, so the server ends, and its user sees why at once. In development the cause is about to be
//! repaired, so it waits for the reload that follows.

use std::time::Duration;

use super::facts::{Command, End, ImportFailure, Serial, StartReason};
use super::fleet::{Fleet, Phase};

/// The process with which a server starts: the others follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstWorker {
    /// It has this serial, or will have.
    Process(Serial),
    /// It could not import the application.
    AwaitsReload,
}

impl Fleet {
    /// The first process has ended before it was ready.
    pub(super) fn first_has_failed(&mut self, phase: Phase, commands: &mut Vec<Command>) {
        let awaits_reload = self.limits.import_failure == ImportFailure::AwaitsReload;
        if awaits_reload && phase == Phase::Importing {
            self.first = FirstWorker::AwaitsReload;
            commands.push(Command::AwaitReload);
        } else {
            self.end(End::CannotStart, commands);
        }
    }

    /// Starts with another first process, and these many workers.
    pub(super) fn start_again(&mut self, wanted: usize, now: Duration) {
        self.limits.workers = wanted;
        self.failed_in_a_row = 0;
        self.first = FirstWorker::Process(self.next_serial);
        self.starts.insert(0, (now, StartReason::Start));
    }
}
