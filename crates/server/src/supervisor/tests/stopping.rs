//! Processes that end, and have their time for it.

use super::*;
use crate::supervisor::facts::{Fact, FleetLimits, StartReason, Wanted};
use crate::supervisor::fleet::FAILED_STARTS_MAX;
use crate::supervisor::scene::{Scene, is_none, reload};

const LIMITS: FleetLimits = FleetLimits::TWO_WORKERS;

#[test]
fn a_process_that_opens_the_listeners_may_serve_and_retires_once_it_can_be_told_to() {
    let mut scene = Scene::serving(FleetLimits { workers: 20, imports_at_once: 99, ..LIMITS });
    scene.tell(reload(20));
    scene.tell(Fact::Imported(20));
    let stopped = scene.tell(Fact::Exited(21));
    assert_eq!(stopped, ["reload: Stopped { replaced: 0, of: 20 }"]);
    // It is no successor: another one is started for the old process that dies.
    assert_eq!(scene.tell(Fact::Exited(0)), ["start 22 as 0: crash"]);
    assert_eq!(scene.tell(Fact::Ready(20)), ["retire 20"]);
    is_none(&scene.tell(Fact::Exited(20)));
    // One that never is ready is killed when its time is over.
    let mut scene = Scene::serving(LIMITS);
    scene.tell(reload(2));
    scene.tell(Fact::Imported(2));
    assert_eq!(scene.tell(Fact::Drain)[1..], ["drain"]);
    scene.tell(Fact::Exited(0));
    scene.tell(Fact::Exited(1));
    assert_eq!(scene.after(35), ["kill 2: Overdue"]);
    assert_eq!(scene.tell(Fact::Exited(2)), ["end: Drained"]);
}

#[test]
fn a_drain_starts_nobody_and_ends_with_the_last_process() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(reload(2));
    let begun = scene.tell(Fact::Drain);
    let stopped = "reload: Stopped { replaced: 0, of: 2 }";
    assert_eq!(begun, ["kill 2: NotWanted", stopped, "drain"]);
    assert!(!scene.fleet.is_ready());
    is_none(&scene.tell(Fact::Exited(2)));
    is_none(&scene.tell(Fact::Exited(0)));
    assert_eq!(scene.tell(Fact::Exited(1)), ["end: Drained"]);
}

#[test]
fn what_has_not_ended_five_seconds_after_its_time_is_killed_once() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Drain);
    is_none(&scene.after(34));
    assert_eq!(scene.after(1), ["kill 0: Overdue", "kill 1: Overdue"]);
    is_none(&scene.after(10));
}

#[test]
fn a_server_that_has_ended_only_waits_for_its_processes() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Exited(0));
    let mut serial = 2;
    while scene.fleet.ready() > 0 || scene.fleet.failed_in_a_row < FAILED_STARTS_MAX - 1 {
        scene.tell(Fact::Exited(1));
        scene.tell(Fact::Exited(serial));
        serial += 1;
        scene.after(30);
    }
    let running: Vec<_> = scene.fleet.processes.keys().copied().collect();
    assert_eq!(running.len(), 2);
    assert_eq!(scene.tell(Fact::Exited(running[0])), ["end: CrashLoop(5)"]);
    is_none(&scene.tell(reload(2)));
    is_none(&scene.tell(Fact::Exited(running[1])));
    is_none(&scene.tell(Fact::Drain));
    is_none(&scene.after(100));
    assert!(scene.fleet.processes.is_empty());
}

#[test]
fn a_server_that_is_stopped_before_it_has_started_ends() {
    let mut scene = Scene::new(LIMITS);
    scene.tick();
    assert_eq!(scene.tell(Fact::Drain), ["kill 0: NotWanted", "drain"]);
    assert_eq!(scene.tell(Fact::Exited(0)), ["end: Drained"]);
}

#[test]
fn each_process_has_the_time_of_the_settings_that_it_was_started_with() {
    let patient = Periods { graceful_timeout: Duration::from_secs(60), ..LIMITS.periods };
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Reload(Wanted { workers: 2, periods: patient }));
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["retire 0", "start 3 as 1: reload"]);
    scene.is_ready(3);
    scene.after(1);
    // The old ones retired one after the other.
    assert_eq!(scene.after(34), ["kill 0: Overdue"]);
    assert_eq!(scene.after(1), ["kill 1: Overdue"]);
    scene.tell(Fact::Exited(0));
    scene.tell(Fact::Exited(1));
    scene.tell(Fact::Drain);
    assert_eq!(scene.fleet.drain_periods(), patient);
    is_none(&scene.after(64));
    assert_eq!(scene.after(1), ["kill 2: Overdue", "kill 3: Overdue"]);
}

#[test]
fn a_drain_in_the_middle_of_a_reload_waits_as_long_as_the_most_patient_may_take() {
    for graceful in [5, 60] {
        let graceful_timeout = Duration::from_secs(graceful);
        let periods = Periods { graceful_timeout, ..LIMITS.periods };
        let mut scene = Scene::serving(LIMITS);
        scene.tell(Fact::Reload(Wanted { workers: 2, periods }));
        scene.is_ready(2);
        scene.tell(Fact::Drain);
        is_none(&scene.after(graceful.max(30) + 4));
        let killed = scene.after(1);
        assert_eq!(killed, ["kill 0: Overdue", "kill 1: Overdue", "kill 2: Overdue"]);
    }
}

#[test]
fn a_reload_that_fails_gives_later_processes_the_time_of_before() {
    let start_timeout = Duration::from_secs(5);
    let hasty = Wanted { workers: 2, periods: Periods { start_timeout, ..LIMITS.periods } };
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Reload(hasty));
    assert_eq!(scene.after(5), ["kill 2: not ready within 5s"]);
    assert_eq!(scene.tell(Fact::Exited(2)), ["reload: Stopped { replaced: 0, of: 2 }"]);
    assert_eq!(scene.tell(Fact::Exited(1)), ["start 3 as 1: crash"]);
    is_none(&scene.after(119));
    assert_eq!(scene.after(1), ["kill 3: not ready within 120s"]);
}

#[test]
fn a_reload_that_is_refused_changes_nothing() {
    let start_timeout = Duration::from_secs(5);
    let hasty = Wanted { workers: 2, periods: Periods { start_timeout, ..LIMITS.periods } };
    let mut scene = Scene::serving(LIMITS);
    scene.tell(reload(2));
    assert_eq!(scene.tell(Fact::Reload(hasty)), ["reload: Busy"]);
    is_none(&scene.after(119));
    assert_eq!(scene.after(1), ["kill 2: not ready within 120s"]);
    scene.tell(Fact::Drain);
    assert_eq!(scene.tell(Fact::Reload(hasty)), ["reload: Stopping"]);
}

#[test]
fn a_retired_worker_that_does_not_end_is_killed() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Replace(0, StartReason::Asked));
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["retire 0"]);
    assert_eq!(scene.after(35), ["kill 0: Overdue"]);
    is_none(&scene.tell(Fact::Exited(0)));
}
