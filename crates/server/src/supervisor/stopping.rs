//! How processes end, one of them or all: who may serve is asked to and has its time, who cannot have
//! accepted anything yet is killed, and so is who has not ended in time. Pure, as the fleet that it is a
//! part of.

use std::time::Duration;

use super::facts::{Command, End, KillReason, Periods, ReloadResult, Serial};
use super::fleet::{Fleet, Phase};
use super::replacement::Reload;

/// How long after its deadline a process that was to end is killed.
const KILL_AFTER: Duration = Duration::from_secs(5);

impl Fleet {
    /// The server is to stop: nothing is started any more.
    pub(super) fn drain(&mut self, now: Duration, commands: &mut Vec<Command>) {
        if self.draining_since.is_some() {
            return;
        }
        self.draining_since = Some(now);
        // Of a reload that has not ended, or has stopped, there are processes with other settings.
        let periods = self.processes.values().filter(|it| it.stays()).map(|it| it.periods);
        self.drain_periods =
            periods.reduce(|one, other| one.longest(other)).unwrap_or(self.limits.periods);
        self.starts.clear();
        self.pending.clear();
        self.active.clear();
        let starting = self
            .processes
            .iter()
            .filter(|(_, process)| matches!(process.phase, Phase::Importing | Phase::Opening));
        let starting: Vec<_> = starting.map(|(&serial, _)| serial).collect();
        for serial in starting {
            self.retire(serial, now, commands);
        }
        if let Some(Reload { replaced, of, .. }) = self.reload.take() {
            commands.push(Command::ReloadEnded(ReloadResult::Stopped { replaced, of }));
        }
        self.end_molds(commands);
        commands.push(Command::Drain);
        if self.processes.is_empty() {
            self.end(End::Drained, commands);
        }
    }

    /// The server ends.
    pub(super) fn end(&mut self, end: End, commands: &mut Vec<Command>) {
        self.has_ended = true;
        self.end_molds(commands);
        commands.push(Command::End(end));
    }

    /// A process is not wanted any more.
    pub(super) fn retire(&mut self, serial: Serial, now: Duration, commands: &mut Vec<Command>) {
        let Some(process) = self.processes.get_mut(&serial) else { return };
        process.phase = match process.phase {
            Phase::Ready => {
                commands.push(Command::Retire(serial));
                Phase::Retiring
            }
            // It is told when it serves.
            Phase::Opening => Phase::Unwanted,
            Phase::Importing => return self.kill(serial, KillReason::NotWanted, now, commands),
            Phase::Unwanted | Phase::Retiring => return,
        };
        process.since = now;
    }

    /// Kills a process.
    pub(super) fn kill(
        &mut self,
        serial: Serial,
        reason: KillReason,
        now: Duration,
        commands: &mut Vec<Command>,
    ) {
        let Some(process) = self.processes.get_mut(&serial) else { return };
        process.is_killed = true;
        if reason == KillReason::NotWanted {
            process.phase = Phase::Retiring;
            process.since = now;
        }
        commands.push(Command::Kill(serial, reason));
    }

    /// Kills who has not started, or ended, in time.
    pub(super) fn kill_what_is_overdue(&mut self, now: Duration, commands: &mut Vec<Command>) {
        let most = self.drain_periods.end_within().saturating_add(KILL_AFTER);
        let is_draining_late =
            self.draining_since.is_some_and(|since| now.saturating_sub(since) >= most);
        let late = self.processes.iter().filter_map(|(&serial, process)| {
            let periods = process.periods;
            let starts_late = now.saturating_sub(process.started_at) >= periods.start_timeout;
            let most = periods.end_within().saturating_add(KILL_AFTER);
            let ends_late = now.saturating_sub(process.since) >= most;
            let reason = match process.phase {
                Phase::Importing | Phase::Opening | Phase::Unwanted if starts_late => {
                    KillReason::StartTimeout(periods.start_timeout)
                }
                Phase::Retiring if ends_late => KillReason::Overdue,
                _ if is_draining_late => KillReason::Overdue,
                _ => return None,
            };
            (!process.is_killed).then_some((serial, reason))
        });
        let late: Vec<_> = late.collect();
        for (serial, reason) in late {
            self.kill(serial, reason, now, commands);
        }
    }

    /// How long the processes have that are drained now.
    pub(super) fn drain_periods(&self) -> Periods {
        self.drain_periods
    }
}

#[cfg(test)]
#[path = "tests/stopping.rs"]
mod tests;
