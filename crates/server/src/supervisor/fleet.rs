//! Which worker processes should exist: facts in, commands out. Pure: time is an argument.
//!
//! - **Start.** Worker 0 alone; if it cannot become ready, the server ends, as a single process
//!   would, or in development waits until it is told to try again. Once it has imported the application, the others start, at most one for each CPU at a
//!   time.
//! - **Crash.** A process that dies is replaced, with a pause that grows (`backoff`). While one
//!   worker is ready the server never ends by itself; when none is, and `FAILED_STARTS_MAX` starts
//!   in a row have failed, it ends with status 1.
//! - **Replacement** (`replacement`: reload, recycling, a worker that asked for it). The new process starts first,
//!   and the old one retires only when the new one has been ready for `settle`. The first failure
//!   stops a reload, and what serves goes on. A few numbers are replaced at a time, and no more
//!   processes retire at once than there are workers. If memory has no room for one more process,
//!   the old one retires first; with a single worker it stays instead.
//! - **Preload** (`preloading`). Processes are forked from one that has imported the application, and
//!   wait for it.
//! - **Drain** (`stopping`). Nothing is started any more, and the server ends with its last process.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::backoff::Backoff;
use super::facts::{
    Command, End, Fact, FleetLimits, Headroom, Periods, Serial, Source, StartReason,
};
use super::first_worker::FirstWorker;
use super::preloading::Preloading;
use super::replacement::{Reload, Replacement};

/// So many failed starts in a row, with no worker ready, end the server.
pub(super) const FAILED_STARTS_MAX: u32 = 5;

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Importing,
    /// It has imported the application and opens the listeners.
    Opening,
    Ready,
    /// It opens the listeners, and nobody wants it any more. It may have accepted connections already,
    /// so it is not killed: it retires as soon as it can be told to.
    Unwanted,
    Retiring,
}

/// A process that has been started and has not ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) number: usize,
    pub(super) phase: Phase,
    /// How long it may take.
    pub(super) periods: Periods,
    pub(super) started_at: Duration,
    /// When it reached its phase.
    pub(super) since: Duration,
    is_hung: bool,
    pub(super) is_killed: bool,
    /// The reason for its successor, which starts when it has ended: there was no room for both.
    pub(super) succeeded_after: Option<StartReason>,
}

/// The worker processes.
#[derive(Debug)]
pub struct Fleet {
    pub(super) limits: FleetLimits,
    pub(super) processes: BTreeMap<Serial, Process>,
    pub(super) next_serial: Serial,
    /// The process with which the server starts, or started.
    pub(super) first: FirstWorker,
    pub(super) backoffs: Vec<Backoff>,
    /// Until when the processes of a number are not recycled, because a new one has failed.
    pub(super) rests: BTreeMap<usize, Duration>,
    /// Numbers that wait to be started: when, and why.
    pub(super) starts: BTreeMap<usize, (Duration, StartReason)>,
    pub(super) pending: VecDeque<(Serial, StartReason)>,
    pub(super) active: Vec<Replacement>,
    pub(super) reload: Option<Reload>,
    /// The molds, with `preload`.
    pub(super) preloading: Option<Preloading>,
    pub(super) headroom: Headroom,
    pub(super) warned_at: Option<Duration>,
    pub(super) failed_in_a_row: u32,
    /// Whether all, or enough, have once been ready.
    pub(super) has_been_ready: bool,
    pub(super) began: Duration,
    pub(super) draining_since: Option<Duration>,
    /// How long the drain may take: as long as the most patient of the processes.
    pub(super) drain_periods: Periods,
    pub(super) has_ended: bool,
}

impl Fleet {
    /// A fleet that starts at `now`. The first [`Fact::Tick`] starts worker 0.
    pub fn new(limits: FleetLimits, now: Duration) -> Self {
        Self {
            limits,
            processes: BTreeMap::new(),
            next_serial: 0,
            first: FirstWorker::Process(0),
            backoffs: vec![Backoff::default(); limits.numbers],
            rests: BTreeMap::new(),
            starts: BTreeMap::from([(0, (now, StartReason::Start))]),
            pending: VecDeque::new(),
            active: Vec::new(),
            reload: None,
            preloading: limits.preload.then(Preloading::default),
            headroom: Headroom::Enough,
            warned_at: None,
            failed_in_a_row: 0,
            has_been_ready: false,
            began: now,
            draining_since: None,
            drain_periods: limits.periods,
            has_ended: false,
        }
    }

    /// Whether memory has room for one more process, from now on.
    pub fn set_headroom(&mut self, headroom: Headroom) {
        self.headroom = headroom;
    }

    /// Whether requests are answered, as a load balancer wants to know: for the first time when all
    /// workers are ready, or one is and the others have had their time; then while one is.
    pub fn is_ready(&self) -> bool {
        self.draining_since.is_none() && self.has_been_ready && self.ready() > 0
    }

    /// Whether it was ready once.
    pub fn has_started(&self) -> bool {
        self.has_been_ready
    }

    /// Whether it stops.
    pub fn is_draining(&self) -> bool {
        self.draining_since.is_some()
    }

    /// Whether a process starts, ends or is replaced, or is about to.
    pub fn is_changing(&self) -> bool {
        !self.starts.is_empty()
            || !self.pending.is_empty()
            || !self.active.is_empty()
            || self.is_importing()
            || self.draining_since.is_some()
            || self.processes.values().any(|process| process.phase != Phase::Ready)
    }

    /// Whether a process has ended, and one of its number is ready again.
    pub fn is_replaced(&self, serial: Serial) -> bool {
        !self.processes.contains_key(&serial) && self.ready() >= self.limits.workers
    }

    /// How many workers there are to be.
    pub fn wanted(&self) -> usize {
        self.limits.workers
    }

    /// How many processes serve and stay.
    pub fn ready(&self) -> usize {
        self.count(Phase::Ready)
    }

    /// How far the reload has come: replaced, and of how many.
    pub fn reload_progress(&self) -> Option<(usize, usize)> {
        self.reload.map(|reload| (reload.replaced, reload.of))
    }

    pub(super) fn count(&self, phase: Phase) -> usize {
        self.processes.values().filter(|process| process.phase == phase).count()
    }

    /// A fact, at `now`, and what follows from it.
    pub fn handle(&mut self, fact: Fact, now: Duration) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.has_ended {
            if let Fact::Exited(serial) = fact {
                self.processes.remove(&serial);
            }
            return commands; // what is left has been killed, and is only waited for
        }
        match fact {
            Fact::Imported(serial) => self.imported(serial, now, &mut commands),
            Fact::Ready(serial) => self.became_ready(serial, now, &mut commands),
            Fact::Exited(serial) => self.exited(serial, now, &mut commands),
            Fact::Hung(serial) => {
                if let Some(process) = self.processes.get_mut(&serial) {
                    process.is_hung = true;
                }
            }
            Fact::Replace(serial, reason) => self.replace(serial, reason, now),
            Fact::Reload(wanted) => self.begin_reload(wanted, now, &mut commands),
            Fact::MoldReady(id) => self.mold_is_ready(id, now),
            Fact::MoldExited(id) => self.mold_exited(id, now, &mut commands),
            Fact::Drain => self.drain(now, &mut commands),
            Fact::Tick => {}
        }
        if !self.has_ended {
            self.settle(now, &mut commands);
            self.tend_molds(now, &mut commands);
            self.begin_replacements(now, &mut commands);
            self.start_what_waits(now, &mut commands);
            self.kill_what_is_overdue(now, &mut commands);
        }
        commands
    }

    fn imported(&mut self, serial: Serial, now: Duration, commands: &mut Vec<Command>) {
        let Some(process) = self.processes.get_mut(&serial) else { return };
        if process.phase != Phase::Importing || self.draining_since.is_some() {
            return;
        }
        process.phase = Phase::Opening;
        commands.push(Command::Admit(serial));
        if self.first == FirstWorker::Process(serial) {
            let others = 1..self.limits.workers;
            self.starts.extend(others.map(|number| (number, (now, StartReason::Start))));
        }
    }

    fn became_ready(&mut self, serial: Serial, now: Duration, commands: &mut Vec<Command>) {
        let Some(process) = self.processes.get_mut(&serial) else { return };
        match process.phase {
            Phase::Opening => {}
            Phase::Unwanted => {
                process.phase = Phase::Ready;
                return self.retire(serial, now, commands);
            }
            Phase::Importing | Phase::Ready | Phase::Retiring => return,
        }
        process.phase = Phase::Ready;
        process.since = now;
        self.failed_in_a_row = 0;
        self.first_may_be_ready(serial);
    }

    fn exited(&mut self, serial: Serial, now: Duration, commands: &mut Vec<Command>) {
        let Some(process) = self.processes.remove(&serial) else { return };
        let number = process.number;
        let was_starting = matches!(process.phase, Phase::Importing | Phase::Opening);
        let was_leaving = !process.stays();
        if was_starting && self.draining_since.is_none() {
            self.failed_in_a_row += 1;
        }
        let replacement = self.active.iter().position(|active| active.new == serial);
        let replacement = replacement.map(|index| self.active.remove(index));
        if let Some(replacement) = replacement {
            self.replacement_failed(replacement, number, now, commands);
        }
        for active in &mut self.active {
            active.old = active.old.filter(|&old| old != serial);
        }
        if self.draining_since.is_some() {
            if self.processes.is_empty() {
                self.end(End::Drained, commands);
            }
            return;
        }
        if was_starting && self.first == FirstWorker::Process(serial) {
            return self.first_has_failed(commands);
        }
        if self.failed_in_a_row >= FAILED_STARTS_MAX && self.ready() == 0 {
            return self.end(End::CrashLoop(self.failed_in_a_row), commands);
        }
        let is_wanted = number < self.limits.workers;
        if let Some(reason) = process.succeeded_after.filter(|_| is_wanted) {
            match self.source() {
                Some(source) => {
                    self.start_replacement(None, number, reason, source, now, commands);
                }
                None => drop(self.starts.insert(number, (now, reason))),
            }
        } else if !was_leaving && is_wanted && !self.has_successor(number) {
            let ready_for = match process.phase {
                Phase::Ready => now.saturating_sub(process.since),
                _ => Duration::ZERO,
            };
            let delay = self.backoffs[number].died(ready_for);
            let (delay, reason) = match process.is_hung {
                true => (Duration::ZERO, StartReason::Hung),
                false => (delay, StartReason::Crash),
            };
            self.starts.insert(number, (now + delay, reason));
        }
    }

    /// Whether another process of a number serves, or will.
    fn has_successor(&self, number: usize) -> bool {
        let mut processes = self.processes.values();
        processes.any(|other| other.number == number && other.stays())
    }

    pub(super) fn start(
        &mut self,
        number: usize,
        reason: StartReason,
        source: Source,
        now: Duration,
        commands: &mut Vec<Command>,
    ) -> Serial {
        let serial = self.next_serial;
        self.next_serial += 1;
        let process = Process {
            number,
            phase: Phase::Importing,
            periods: self.periods_of(source),
            started_at: now,
            since: now,
            is_hung: false,
            is_killed: false,
            succeeded_after: None,
        };
        self.processes.insert(serial, process);
        commands.push(Command::Start { serial, number, reason, source });
        serial
    }

    /// Starts the numbers whose time has come, as many as may import at once.
    fn start_what_waits(&mut self, now: Duration, commands: &mut Vec<Command>) {
        // Without room, a process that retires has to end first.
        let most = match self.headroom {
            Headroom::Enough => self.limits.seats,
            Headroom::Short => self.limits.workers.max(1),
        };
        let is_due = |(_, (at, _)): &(&usize, &(Duration, StartReason))| *at <= now;
        while self.count(Phase::Importing) < self.limits.imports_at_once.max(1)
            && self.processes.len() < most
            && let Some((&number, &(_, reason))) = self.starts.iter().find(is_due)
            && let Some(source) = self.source()
        {
            self.starts.remove(&number);
            self.start(number, reason, source, now, commands);
        }
    }
}

impl Process {
    /// Whether it serves, or will.
    pub(super) fn stays(&self) -> bool {
        !matches!(self.phase, Phase::Unwanted | Phase::Retiring)
    }
}

#[cfg(test)]
#[path = "tests/fleet.rs"]
mod tests;
