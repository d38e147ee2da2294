//! A fleet that tests tell one fact after the other, with a clock of the test's own.

use std::time::Duration;

use super::facts::{Command, Fact, FleetLimits, KillReason, Serial, Source, Wanted};
use super::fleet::Fleet;

/// A fleet with a clock.
pub(super) struct Scene {
    pub(super) fleet: Fleet,
    pub(super) now: Duration,
}

impl Scene {
    pub(super) fn new(limits: FleetLimits) -> Self {
        Self { fleet: Fleet::new(limits, Duration::ZERO), now: Duration::ZERO }
    }

    /// All workers are ready, and have been for longer than anything takes.
    pub(super) fn serving(limits: FleetLimits) -> Self {
        let mut scene = Self::new(limits);
        assert_eq!(scene.tick(), ["start 0 as 0: start"]);
        scene.is_ready(0);
        for serial in 1..limits.workers as Serial {
            scene.is_ready(serial);
        }
        scene.after(100);
        assert!(scene.fleet.is_ready());
        scene
    }

    pub(super) fn tell(&mut self, fact: Fact) -> Vec<String> {
        let was_idle = self.fleet.reload_progress().is_none();
        let commands = self.fleet.handle(fact, self.now);
        let is_reload = matches!(fact, Fact::Reload(_));
        let is_begun = commands.first() == Some(&Command::BeginReload);
        assert_eq!(is_begun, is_reload && self.fleet.reload_progress().is_some() && was_idle);
        commands.iter().skip(usize::from(is_begun)).map(said).collect()
    }

    pub(super) fn tick(&mut self) -> Vec<String> {
        self.tell(Fact::Tick)
    }

    pub(super) fn after(&mut self, seconds: u64) -> Vec<String> {
        self.now += Duration::from_secs(seconds);
        self.tick()
    }

    pub(super) fn is_ready(&mut self, serial: Serial) -> Vec<String> {
        let mut commands = self.tell(Fact::Imported(serial));
        commands.extend(self.tell(Fact::Ready(serial)));
        commands
    }
}

/// So many workers are wanted, and nothing else has changed.
pub(super) fn reload(workers: usize) -> Fact {
    Fact::Reload(Wanted { workers, periods: FleetLimits::TWO_WORKERS.periods })
}

/// A command as a test writes it.
fn said(command: &Command) -> String {
    match command {
        Command::BeginReload => "begin a reload".into(),
        Command::Start { serial, number, reason, source: Source::Interpreter } => {
            format!("start {serial} as {number}: {}", reason.name())
        }
        Command::Start { .. } | Command::StartMold(_) | Command::KillMold(..) => {
            "without preload there is no mold".into()
        }
        Command::Admit(serial) => format!("admit {serial}"),
        Command::Retire(serial) => format!("retire {serial}"),
        Command::Kill(serial, KillReason::StartTimeout(limit)) => {
            format!("kill {serial}: not ready within {limit:?}")
        }
        Command::Kill(serial, reason) => format!("kill {serial}: {reason:?}"),
        Command::Drain => "drain".into(),
        Command::WarnNoRoom(serial) => format!("no room to replace {serial}"),
        Command::ReloadEnded(result) => format!("reload: {result:?}"),
        Command::AwaitReload => "await a reload".into(),
        Command::End(end) => format!("end: {end:?}"),
    }
}

/// Nothing is to be done.
pub(super) fn is_none(commands: &[String]) {
    assert!(commands.is_empty(), "{commands:?}");
}
