//! Replacing processes that serve: reload, recycling, `workers` raised or lowered.

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::{Command, Headroom, Periods, ReloadResult, Serial, Source, StartReason, Wanted};
use super::first_worker::FirstWorker;
use super::fleet::{Fleet, Phase, Process};

/// How often a warning repeats that recycling finds no memory.
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// The least time until a number is recycled again whose new process has failed.
const REST_MIN: Duration = Duration::from_secs(1);

/// A replacement whose new process runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replacement {
    pub(super) old: Option<Serial>,
    pub(super) new: Serial,
    pub(super) reason: StartReason,
}

/// A reload that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reload {
    /// How many workers there are to be when it is complete.
    pub(super) wanted: usize,
    /// How long processes might take before: if it fails, those may that are started later.
    pub(super) periods_before: Periods,
    pub(super) of: usize,
    pub(super) replaced: usize,
    pub(super) stage: ReloadStage,
}

/// Whether a process retires first, because there is no room for two.
fn is_succeeded_by_reload(process: &Process) -> bool {
    process.succeeded_after == Some(StartReason::Reload)
}

/// How far a reload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReloadStage {
    /// With `preload`, or where nothing serves yet: the new code is imported.
    Importing,
    /// Processes are replaced.
    RollingOut,
}

impl Fleet {
    /// The new process of a replacement has ended before it had proved itself.
    pub(super) fn replacement_failed(
        &mut self,
        replacement: Replacement,
        number: usize,
        now: Duration,
        commands: &mut Vec<Command>,
    ) {
        if replacement.reason != StartReason::Reload {
            let rest = self.backoffs[number].died(Duration::ZERO).max(REST_MIN);
            self.rests.insert(number, now + rest);
            return;
        }
        self.stop_reload(now, commands);
    }

    /// A reload has failed: what serves goes on, and what was started for it retires, or ends if it does
    /// not serve yet.
    pub(super) fn stop_reload(&mut self, now: Duration, commands: &mut Vec<Command>) {
        let Some(Reload { replaced, of, .. }) = self.reload else { return };
        self.end_reload(ReloadResult::Stopped { replaced, of }, now, commands);
    }

    /// A reload has ended before every process was replaced.
    fn end_reload(&mut self, result: ReloadResult, now: Duration, commands: &mut Vec<Command>) {
        let Some(reload) = self.reload.take() else { return };
        self.limits.periods = reload.periods_before;
        self.keep_old_mold(commands);
        self.pending.retain(|&(_, reason)| reason != StartReason::Reload);
        let (stopped, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.active)
            .into_iter()
            .partition(|active| active.reason == StartReason::Reload && active.old.is_some());
        self.active = others;
        for active in stopped {
            self.retire(active.new, now, commands);
        }
        commands.push(Command::ReloadEnded(result));
    }

    /// A process is to be replaced when its turn comes.
    pub(super) fn replace(&mut self, serial: Serial, reason: StartReason, now: Duration) {
        let Some(process) = self.processes.get(&serial) else { return };
        let is_known = self.pending.iter().any(|&(old, _)| old == serial)
            || self.active.iter().any(|active| active.old == Some(serial));
        let rests = self.rests.get(&process.number).is_some_and(|&until| now < until);
        let is_wanted = process.phase == Phase::Ready && self.draining_since.is_none();
        if is_wanted && !is_known && !rests {
            self.pending.push_back((serial, reason));
        }
    }

    /// All processes are to be replaced.
    pub(super) fn begin_reload(
        &mut self,
        wanted: Wanted,
        now: Duration,
        commands: &mut Vec<Command>,
    ) {
        let awaits_reload = self.first == FirstWorker::AwaitsReload;
        let refusal = if self.draining_since.is_some() {
            Some(ReloadResult::Stopping)
        } else if self.reload.is_some() || !(self.has_been_ready || awaits_reload) {
            Some(ReloadResult::Busy)
        } else if wanted.workers > self.limits.numbers {
            Some(ReloadResult::TooMany)
        } else if !awaits_reload
            && self.headroom == Headroom::Short
            && (self.limits.workers == 1 || self.limits.preload)
        {
            Some(ReloadResult::NoRoom)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return commands.push(Command::ReloadEnded(refusal));
        }
        commands.push(Command::BeginReload);
        self.reload = Some(Reload {
            wanted: wanted.workers,
            periods_before: std::mem::replace(&mut self.limits.periods, wanted.periods),
            of: if awaits_reload { 1 } else { self.processes.len() },
            replaced: 0,
            stage: ReloadStage::Importing,
        });
        if awaits_reload {
            self.start_again(now);
        } else {
            self.prepare_reload(now, commands);
        }
    }

    /// From now on the processes of a reload are replaced: all that there are.
    pub(super) fn roll_out(&mut self) {
        let Some(reload) = &mut self.reload else { return };
        let olds = self.processes.iter().filter(|(serial, process)| {
            let is_replaced = self.active.iter().any(|active| active.old == Some(**serial));
            process.stays() && process.number < reload.wanted && !is_replaced
        });
        // Numbers that wait for a start get new code anyway.
        self.pending = olds.map(|(&serial, _)| (serial, StartReason::Reload)).collect();
        reload.of = self.pending.len();
        reload.stage = ReloadStage::RollingOut;
    }

    /// Retires the old process of each replacement whose new one has stayed ready.
    pub(super) fn settle(&mut self, now: Duration, commands: &mut Vec<Command>) {
        if self.ready() >= self.limits.workers
            || (self.ready() > 0
                && now.saturating_sub(self.began) >= self.limits.periods.start_timeout)
        {
            self.has_been_ready = true;
        }
        let settle = self.limits.settle;
        let is_settled = |processes: &BTreeMap<Serial, Process>, new: Serial| {
            processes.get(&new).is_some_and(|process| {
                process.phase == Phase::Ready && now.saturating_sub(process.since) >= settle
            })
        };
        let (done, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.active)
            .into_iter()
            .partition(|active| is_settled(&self.processes, active.new));
        self.active = rest;
        for replacement in done {
            if let Some(old) = replacement.old {
                self.retire(old, now, commands);
            }
            if let Some(reload) = &mut self.reload
                && replacement.reason == StartReason::Reload
            {
                reload.replaced += 1;
            }
        }
        let is_rolling_out =
            self.reload.is_some_and(|reload| reload.stage == ReloadStage::RollingOut);
        let is_over = is_rolling_out
            && self.pending.iter().all(|&(_, reason)| reason != StartReason::Reload)
            && self.active.iter().all(|active| active.reason != StartReason::Reload)
            && !self.processes.values().any(is_succeeded_by_reload);
        if is_over && let Some(reload) = self.reload.take() {
            self.keep_new_mold(commands);
            self.scale(reload.wanted, now, commands);
            let result = ReloadResult::Complete { replaced: reload.replaced };
            commands.push(Command::ReloadEnded(result));
        }
    }

    /// So many workers are wanted from now on.
    fn scale(&mut self, wanted: usize, now: Duration, commands: &mut Vec<Command>) {
        let more = self.limits.workers..wanted;
        self.starts.extend(more.map(|number| (number, (now, StartReason::Scale))));
        self.starts.retain(|&number, _| number < wanted);
        let fewer = self.processes.iter().filter(|(_, process)| process.number >= wanted);
        let fewer: Vec<_> = fewer.map(|(&serial, _)| serial).collect();
        for serial in fewer {
            self.retire(serial, now, commands);
        }
        self.limits.workers = wanted;
    }

    /// Starts as many replacements as may run at once.
    pub(super) fn begin_replacements(&mut self, now: Duration, commands: &mut Vec<Command>) {
        let at_once = (self.limits.workers / 10).max(1);
        while self.active.len() < at_once
            && self.count(Phase::Retiring) < self.limits.workers
            && self.processes.len() < self.limits.seats
        {
            let Some(source) = self.source() else { return };
            let Some((old, reason)) = self.pending.pop_front() else { return };
            // Recycling waits for a running reload, which replaces the process anyway.
            let Some(&process) = self.processes.get(&old) else { continue };
            if !process.stays() {
                continue;
            }
            if self.headroom == Headroom::Enough {
                self.start_replacement(Some(old), process.number, reason, source, now, commands);
                continue;
            }
            if self.limits.workers == 1 && reason == StartReason::Reload {
                return self.has_no_room(now, commands);
            }
            if self.limits.workers == 1 {
                if self.warned_at.is_none_or(|at| now.saturating_sub(at) >= WARN_EVERY) {
                    self.warned_at = Some(now);
                    commands.push(Command::WarnNoRoom(old));
                }
                continue;
            }
            if self.count(Phase::Retiring) > 0 {
                // Its memory will be free soon.
                return self.pending.push_front((old, reason));
            }
            self.retire(old, now, commands);
            if let Some(process) = self.processes.get_mut(&old) {
                process.succeeded_after = Some(reason);
            }
        }
    }

    /// Memory has no room any more for the new process of a reload, beside the only old one.
    fn has_no_room(&mut self, now: Duration, commands: &mut Vec<Command>) {
        match self.reload {
            Some(Reload { replaced: 0, .. }) => {
                self.end_reload(ReloadResult::NoRoom, now, commands);
            }
            _ => self.stop_reload(now, commands),
        }
    }

    /// Starts the new process of a replacement.
    pub(super) fn start_replacement(
        &mut self,
        old: Option<Serial>,
        number: usize,
        reason: StartReason,
        source: Source,
        now: Duration,
        commands: &mut Vec<Command>,
    ) {
        let new = self.start(number, reason, source, now, commands);
        self.active.push(Replacement { old, new, reason });
    }
}

#[cfg(test)]
#[path = "tests/replacement.rs"]
mod tests;
