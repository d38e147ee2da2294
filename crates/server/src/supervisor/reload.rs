//! What a reload changes of the supervisor itself.
//!
//! A process is treated by the settings that it was started with: its thresholds, its `worker-timeout`,
//! and how long it may take (`facts::Periods`). So the new settings are for processes that are started
//! once the fleet has begun the reload, and if it fails, those that are started later have the old ones.
//! A process that is forked has the settings of its mold. The server as a whole, which the status page
//! shows, has the new ones when the reload is complete.

use serde_json::Value;

use super::facts::{Fact, NewSettings, ReloadResult, Source};
use super::run::Supervisor;
use super::workers::{Event, WorkerOptions, WorkerProcesses};

/// A reload that runs.
#[derive(Debug)]
pub(super) struct RunningReload {
    /// How workers were treated before.
    before: WorkerOptions,
    /// What the status page shows when it is complete.
    settings: Value,
}

impl Supervisor {
    /// Reads the settings again, and asks the fleet for a reload.
    pub(super) fn ask_for_reload(&mut self, processes: &mut dyn WorkerProcesses) {
        let Some(new) = processes.reload() else {
            return self.reload_ended(ReloadResult::InvalidSettings, processes);
        };
        let wanted = new.wanted;
        self.offered = Some(new);
        self.tell_fleet(Fact::Reload(wanted), processes);
        self.offered = None; // it may be refused
    }

    /// The fleet has begun the reload that it was asked for.
    pub(super) fn begin_reload(&mut self, processes: &mut dyn WorkerProcesses) {
        let Some(new) = self.offered.take() else { return };
        let before = std::mem::replace(&mut self.options.of_worker, new.of_worker);
        self.reload = Some(RunningReload { before, settings: new.settings });
        processes.happened(Event::ReloadBegun);
    }

    /// A reload has ended, or was refused.
    pub(super) fn reload_ended(
        &mut self,
        result: ReloadResult,
        processes: &mut dyn WorkerProcesses,
    ) {
        match result.new_settings() {
            NewSettings::Stay => {
                if let Some(reload) = self.reload.take() {
                    self.view.has_settings(reload.settings);
                }
            }
            NewSettings::GoBack => {
                if let Some(reload) = self.reload.take() {
                    self.options.of_worker = reload.before;
                }
            }
            NewSettings::NeverCame => {}
        }
        self.view.reload_ended(result);
        processes.happened(Event::ReloadEnded(result));
    }

    /// How a worker is treated that is started from there.
    pub(super) fn options_of(&self, source: Source) -> WorkerOptions {
        let mold = match source {
            Source::Mold(id) => self.molds.get(&id),
            Source::Interpreter => None,
        };
        mold.map_or(self.options.of_worker, |mold| mold.of_worker)
    }
}
