//! The fleet with `preload`, told of one fact after the other.

use super::*;
use crate::supervisor::facts::{
    Fact, FleetLimits, Headroom, ReloadResult, Serial, StartReason, Wanted,
};
use crate::supervisor::scene::reload;

const LIMITS: FleetLimits = FleetLimits { preload: true, ..FleetLimits::TWO_WORKERS };

struct Scene {
    fleet: Fleet,
    now: Duration,
}

impl Scene {
    fn new() -> Self {
        Self { fleet: Fleet::new(LIMITS, Duration::ZERO), now: Duration::ZERO }
    }

    /// Two workers of mold 0 are ready.
    fn serving() -> Self {
        Self::of(LIMITS)
    }

    /// All workers, of mold 0, are ready.
    fn of(limits: FleetLimits) -> Self {
        let mut scene = Self { fleet: Fleet::new(limits, Duration::ZERO), ..Self::new() };
        assert_eq!(scene.tell(Fact::Tick), [Command::StartMold(0)]);
        assert_eq!(scene.tell(Fact::MoldReady(0)), [start(0, 0, StartReason::Start, 0)]);
        let begun = scene.is_ready(0);
        assert_eq!(begun.first(), Some(&Command::Admit(0)));
        if limits.workers > 1 {
            assert_eq!(begun[1..], [start(1, 1, StartReason::Start, 0)]);
            scene.is_ready(1);
        }
        scene.after(100);
        assert!(scene.fleet.is_ready());
        scene
    }

    fn tell(&mut self, fact: Fact) -> Vec<Command> {
        self.fleet.handle(fact, self.now)
    }

    fn after(&mut self, seconds: u64) -> Vec<Command> {
        self.now += Duration::from_secs(seconds);
        self.tell(Fact::Tick)
    }

    fn is_ready(&mut self, serial: Serial) -> Vec<Command> {
        let mut commands = self.tell(Fact::Imported(serial));
        commands.extend(self.tell(Fact::Ready(serial)));
        commands
    }
}

fn start(serial: Serial, number: usize, reason: StartReason, mold: MoldId) -> Command {
    Command::Start { serial, number, reason, source: Source::Mold(mold) }
}

#[test]
fn workers_wait_for_the_mold_and_a_first_one_that_fails_ends_the_server() {
    let mut scene = Scene::new();
    assert_eq!(scene.tell(Fact::Tick), [Command::StartMold(0)]);
    assert_eq!(scene.after(10), []);
    assert_eq!(scene.fleet.is_preloaded(), Some(false));
    assert_eq!(scene.tell(Fact::MoldExited(0)), [Command::End(End::CannotStart)]);
}

#[test]
fn a_worker_that_dies_is_forked_again_and_a_mold_that_dies_is_started_again() {
    let mut scene = Scene::serving();
    assert_eq!(scene.tell(Fact::Exited(1)), [start(2, 1, StartReason::Crash, 0)]);
    scene.is_ready(2);
    assert_eq!(scene.tell(Fact::MoldExited(0)), [Command::StartMold(1)]);
    assert_eq!(scene.fleet.is_preloaded(), Some(false));
    assert_eq!(scene.tell(Fact::Exited(0)), [], "there is nobody to fork it");
    // What imports again and fails is tried again, while a worker serves.
    assert_eq!(scene.tell(Fact::MoldExited(1)), []);
    assert_eq!(scene.after(1), [Command::StartMold(2)]);
    assert_eq!(scene.tell(Fact::MoldReady(2)), [start(3, 0, StartReason::Crash, 2)]);
}

#[test]
fn a_reload_imports_first_and_ends_the_old_mold_last() {
    let mut scene = Scene::serving();
    assert_eq!(scene.tell(reload(2)), [Command::BeginReload, Command::StartMold(1)]);
    assert_eq!(scene.fleet.reload_progress(), Some((0, 2)));
    assert_eq!(scene.after(50), []);
    // Who dies meanwhile comes from the old one, and is replaced, too.
    assert_eq!(scene.tell(Fact::Exited(1)), [start(2, 1, StartReason::Crash, 0)]);
    scene.is_ready(2);
    assert_eq!(scene.tell(Fact::MoldReady(1)), [start(3, 0, StartReason::Reload, 1)]);
    scene.is_ready(3);
    assert_eq!(scene.after(1), [Command::Retire(0), start(4, 1, StartReason::Reload, 1)]);
    scene.is_ready(4);
    assert_eq!(
        scene.after(1),
        [
            Command::Retire(2),
            Command::KillMold(0, KillReason::NotWanted),
            Command::ReloadEnded(ReloadResult::Complete { replaced: 2 }),
        ]
    );
    assert_eq!(scene.tell(Fact::MoldExited(0)), []);
    assert_eq!(scene.tell(Fact::Exited(3)), [start(5, 0, StartReason::Crash, 1)]);
}

#[test]
fn a_reload_that_cannot_import_changes_nothing() {
    let mut scene = Scene::serving();
    scene.tell(reload(2));
    let stopped = Command::ReloadEnded(ReloadResult::Stopped { replaced: 0, of: 2 });
    assert_eq!(scene.tell(Fact::MoldExited(1)), [stopped]);
    assert_eq!(scene.tell(Fact::Exited(1)), [start(2, 1, StartReason::Crash, 0)]);
}

#[test]
fn a_reload_whose_worker_fails_keeps_the_old_mold() {
    let mut scene = Scene::serving();
    scene.tell(reload(2));
    scene.tell(Fact::MoldReady(1));
    let stopped = Command::ReloadEnded(ReloadResult::Stopped { replaced: 0, of: 2 });
    let ended = Command::KillMold(1, KillReason::NotWanted);
    assert_eq!(scene.tell(Fact::Exited(2)), [ended, stopped]);
    assert_eq!(scene.tell(Fact::MoldExited(1)), []);
    assert_eq!(scene.tell(Fact::Exited(1)), [start(3, 1, StartReason::Crash, 0)]);
}

#[test]
fn a_mold_that_imports_for_too_long_is_killed_once() {
    let mut scene = Scene::new();
    scene.tell(Fact::Tick);
    assert_eq!(scene.after(119), []);
    let is_late = KillReason::StartTimeout(LIMITS.periods.start_timeout);
    assert_eq!(scene.after(1), [Command::KillMold(0, is_late)]);
    assert_eq!(scene.after(1), []);
}

#[test]
fn a_reload_without_room_for_a_second_import_is_refused() {
    let mut scene = Scene::serving();
    scene.fleet.set_headroom(Headroom::Short);
    assert_eq!(scene.tell(reload(2)), [Command::ReloadEnded(ReloadResult::NoRoom)]);
}

#[test]
fn molds_end_when_the_server_drains() {
    let mut scene = Scene::serving();
    scene.tell(reload(2));
    let commands = scene.tell(Fact::Drain);
    for mold in [0, 1] {
        assert!(commands.contains(&Command::KillMold(mold, KillReason::NotWanted)), "{mold}");
    }
    assert_eq!(scene.tell(Fact::MoldExited(0)), []);
    assert_eq!(scene.after(10), []);
}

#[test]
fn a_reload_whose_mold_dies_retires_its_workers_that_serve_already() {
    let mut scene = Scene::serving();
    scene.tell(reload(2));
    scene.tell(Fact::MoldReady(1));
    scene.is_ready(2);
    let stopped = Command::ReloadEnded(ReloadResult::Stopped { replaced: 0, of: 2 });
    assert_eq!(scene.tell(Fact::MoldExited(1)), [Command::Retire(2), stopped]);
    assert_eq!(scene.tell(Fact::Exited(2)), []);
    assert_eq!(scene.fleet.ready(), 2);
}

#[test]
fn a_reload_of_a_single_worker_that_loses_its_room_while_it_imports_has_failed() {
    let mut scene = Scene::of(FleetLimits { workers: 1, ..LIMITS });
    assert_eq!(scene.tell(reload(1)), [Command::BeginReload, Command::StartMold(1)]);
    scene.fleet.set_headroom(Headroom::Short);
    let ended = Command::KillMold(1, KillReason::NotWanted);
    let refused = Command::ReloadEnded(ReloadResult::NoRoom);
    assert_eq!(scene.tell(Fact::MoldReady(1)), [ended, refused]);
    assert_eq!(scene.after(100), []);
    assert_eq!(scene.fleet.reload_progress(), None);
}

#[test]
fn a_worker_has_the_time_of_the_mold_that_it_is_forked_from() {
    let mut scene = Scene::serving();
    let start_timeout = Duration::from_secs(5);
    let periods = Periods { start_timeout, ..LIMITS.periods };
    scene.tell(Fact::Reload(Wanted { workers: 2, periods }));
    // It comes from the old mold.
    scene.tell(Fact::Exited(1));
    assert_eq!(scene.after(5), [Command::KillMold(1, KillReason::StartTimeout(start_timeout))]);
    scene.is_ready(2);
    scene.tell(Fact::MoldExited(1));
    scene.tell(Fact::Reload(Wanted { workers: 2, periods }));
    assert_eq!(scene.tell(Fact::MoldReady(2)), [start(3, 0, StartReason::Reload, 2)]);
    assert_eq!(scene.after(5), [Command::Kill(3, KillReason::StartTimeout(start_timeout))]);
    // The reload has failed: what is started later has the time of before.
    scene.tell(Fact::Exited(3));
    scene.tell(Fact::Exited(2));
    assert_eq!(scene.after(1), [start(4, 1, StartReason::Crash, 0)]);
    assert_eq!(scene.after(119), []);
}
