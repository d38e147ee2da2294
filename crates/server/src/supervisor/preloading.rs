//! With `preload`: the processes that workers are forked from (*molds*). Pure, as the fleet that it is a
//! part of.
//!
//! - **Start.** The mold imports the application, and the first workers wait for it. If it cannot, the
//!   server ends, as a single process would.
//! - **Death.** The workers go on, and a new mold is started, with a pause that grows (`backoff`).
//!   Workers that are to be started wait for it.
//! - **Reload.** A mold of its own imports the new code while the old one stays. When it has, every
//!   worker is replaced by one that is forked from it; with the last one, the old mold ends. The first
//!   failure ends the new one.

use std::time::Duration;

use super::backoff::Backoff;
use super::facts::{Command, End, KillReason, MoldId, Periods, Source};
use super::fleet::{FAILED_STARTS_MAX, Fleet};

/// What a mold is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MoldPhase {
    Importing,
    Ready,
}

/// A process that workers are forked from.
#[derive(Clone, Copy, Debug)]
struct Mold {
    id: MoldId,
    phase: MoldPhase,
    /// When it reached its phase.
    since: Duration,
    is_killed: bool,
    /// How long it, and the processes that are forked from it, may take.
    periods: Periods,
}

impl Mold {
    fn source(self) -> Option<Source> {
        (self.phase == MoldPhase::Ready).then_some(Source::Mold(self.id))
    }
}

/// The molds.
#[derive(Debug, Default)]
pub(super) struct Preloading {
    current: Option<Mold>,
    /// That of the reload which runs.
    successor: Option<Mold>,
    next_id: MoldId,
    backoff: Backoff,
    /// When a mold may be started.
    start_at: Duration,
    failed_in_a_row: u32,
    has_imported: bool,
}

impl Preloading {
    fn start(&mut self, periods: Periods, now: Duration, commands: &mut Vec<Command>) -> Mold {
        let id = self.next_id;
        self.next_id += 1;
        commands.push(Command::StartMold(id));
        Mold { id, phase: MoldPhase::Importing, since: now, is_killed: false, periods }
    }

    fn end(mold: Option<Mold>, commands: &mut Vec<Command>) {
        if let Some(mold) = mold.filter(|mold| !mold.is_killed) {
            commands.push(Command::KillMold(mold.id, KillReason::NotWanted));
        }
    }
}

impl Fleet {
    /// Where a process that is started now comes from; `None` while there is no mold.
    pub(super) fn source(&self) -> Option<Source> {
        let Some(preloading) = &self.preloading else { return Some(Source::Interpreter) };
        let of = |mold: Option<Mold>| mold.and_then(Mold::source);
        of(preloading.successor).or_else(|| of(preloading.current))
    }

    /// How long a process from there may take.
    pub(super) fn periods_of(&self, source: Source) -> Periods {
        let molds = self.preloading.iter().flat_map(|it| [it.current, it.successor]).flatten();
        let mut molds = molds.filter(|mold| source == Source::Mold(mold.id));
        molds.next().map_or(self.limits.periods, |mold| mold.periods)
    }

    /// Whether a mold is missing, or not ready.
    pub(super) fn is_importing(&self) -> bool {
        self.preloading.as_ref().is_some_and(|preloading| {
            let is_ready = |mold: Mold| mold.phase == MoldPhase::Ready;
            !preloading.current.is_some_and(is_ready) || preloading.successor.is_some()
        })
    }

    /// Whether workers can be forked; `None` without `preload`.
    pub fn is_preloaded(&self) -> Option<bool> {
        self.preloading.as_ref().map(|_| self.source().is_some())
    }

    /// Starts a mold if there is none, and kills one that imports for too long.
    pub(super) fn tend_molds(&mut self, now: Duration, commands: &mut Vec<Command>) {
        let Some(preloading) = &mut self.preloading else { return };
        if self.draining_since.is_some() {
            return;
        }
        let has_none = preloading.current.is_none() && preloading.successor.is_none();
        if has_none && now >= preloading.start_at {
            preloading.current = Some(preloading.start(self.limits.periods, now, commands));
        }
        for mold in [&mut preloading.current, &mut preloading.successor].into_iter().flatten() {
            let start_timeout = mold.periods.start_timeout;
            let is_late = now.saturating_sub(mold.since) >= start_timeout;
            if mold.phase == MoldPhase::Importing && is_late && !mold.is_killed {
                mold.is_killed = true;
                commands.push(Command::KillMold(mold.id, KillReason::StartTimeout(start_timeout)));
            }
        }
    }

    /// A mold has imported the application.
    pub(super) fn mold_is_ready(&mut self, id: MoldId, now: Duration) {
        let Some(preloading) = &mut self.preloading else { return };
        let molds = [&mut preloading.current, &mut preloading.successor];
        let Some(mold) = molds.into_iter().flatten().find(|mold| mold.id == id) else { return };
        (mold.phase, mold.since) = (MoldPhase::Ready, now);
        preloading.failed_in_a_row = 0;
        preloading.has_imported = true;
        if preloading.successor.is_some_and(|mold| mold.id == id) {
            self.roll_out();
        }
    }

    /// A mold has ended.
    pub(super) fn mold_exited(&mut self, id: MoldId, now: Duration, commands: &mut Vec<Command>) {
        let Some(preloading) = &mut self.preloading else { return };
        if preloading.successor.is_some_and(|mold| mold.id == id) {
            preloading.successor = None;
            return self.stop_reload(now, commands);
        }
        let Some(mold) = preloading.current.take_if(|mold| mold.id == id) else { return };
        if self.draining_since.is_some() {
            return;
        }
        let ready_for = match mold.phase {
            MoldPhase::Importing if !preloading.has_imported => {
                return self.end(End::CannotStart, commands);
            }
            MoldPhase::Importing => {
                preloading.failed_in_a_row += 1;
                Duration::ZERO
            }
            MoldPhase::Ready => now.saturating_sub(mold.since),
        };
        preloading.start_at = now + preloading.backoff.died(ready_for);
        let failed = preloading.failed_in_a_row;
        if failed >= FAILED_STARTS_MAX && self.ready() == 0 {
            self.end(End::CrashLoop(failed), commands);
        }
    }

    /// Begins a reload: with `preload` by a mold that imports the new code.
    pub(super) fn prepare_reload(&mut self, now: Duration, commands: &mut Vec<Command>) {
        match &mut self.preloading {
            Some(preloading) => {
                preloading.successor = Some(preloading.start(self.limits.periods, now, commands));
            }
            None => self.roll_out(),
        }
    }

    /// A reload is complete: workers are forked from its mold from now on.
    pub(super) fn keep_new_mold(&mut self, commands: &mut Vec<Command>) {
        let Some(preloading) = &mut self.preloading else { return };
        if let Some(successor) = preloading.successor.take() {
            Preloading::end(preloading.current.replace(successor), commands);
            preloading.backoff = Backoff::default();
        }
    }

    /// A reload has failed: workers are forked as before.
    pub(super) fn keep_old_mold(&mut self, commands: &mut Vec<Command>) {
        if let Some(preloading) = &mut self.preloading {
            Preloading::end(preloading.successor.take(), commands);
        }
    }

    /// Nothing is forked any more.
    pub(super) fn end_molds(&mut self, commands: &mut Vec<Command>) {
        if let Some(preloading) = &mut self.preloading {
            Preloading::end(preloading.current.take(), commands);
            Preloading::end(preloading.successor.take(), commands);
        }
    }
}

#[cfg(test)]
#[path = "tests/preloading.rs"]
mod tests;
