//! The first worker in development, where what keeps it from serving is about to be repaired.

use super::*;
use crate::supervisor::facts::{Fact, FleetLimits};
use crate::supervisor::scene::{Scene, is_none, reload};

const LIMITS: FleetLimits = FleetLimits {
    workers: 1,
    start_failure: StartFailure::AwaitsReload,
    ..FleetLimits::TWO_WORKERS
};

#[test]
fn a_first_worker_that_cannot_start_starts_again_at_each_reload_until_it_serves() {
    let mut scene = Scene::new(LIMITS);
    scene.tick();
    assert_eq!(scene.tell(Fact::Exited(0)), ["await a reload"]);
    for failed in 1..7 {
        is_none(&scene.after(100));
        assert!(!scene.fleet.is_changing());
        assert_eq!(scene.tell(reload(1)), [format!("start {failed} as 0: start")]);
        assert_eq!(scene.fleet.reload_progress(), Some((0, 1)));
        assert_eq!(scene.tell(reload(1)), ["reload: Busy"]);
        assert_eq!(scene.tell(Fact::Exited(failed)), ["reload: CannotStart"]);
    }
    scene.tell(reload(1));
    assert_eq!(scene.is_ready(7), ["admit 7", "reload: Complete { replaced: 1 }"]);
    assert!(scene.fleet.is_ready());
    assert_eq!(scene.tell(reload(1)), ["start 8 as 0: reload"]);
}

#[test]
fn one_that_fails_after_its_import_starts_again_too() {
    let mut scene = Scene::new(LIMITS);
    scene.tick();
    scene.tell(Fact::Imported(0));
    assert_eq!(scene.tell(Fact::Exited(0)), ["await a reload"]);
}

#[test]
fn a_server_that_waits_for_a_reload_can_be_stopped_and_so_can_one_that_starts_again() {
    let mut scene = Scene::new(LIMITS);
    scene.tick();
    scene.tell(Fact::Exited(0));
    assert_eq!(scene.tell(Fact::Drain), ["drain", "end: Drained"]);

    let mut scene = Scene::new(LIMITS);
    scene.tick();
    scene.tell(Fact::Exited(0));
    scene.tell(reload(1));
    let stopped = "reload: Stopped { replaced: 0, of: 1 }";
    assert_eq!(scene.tell(Fact::Drain), ["kill 1: NotWanted", stopped, "drain"]);
    assert_eq!(scene.tell(Fact::Exited(1)), ["end: Drained"]);
}

#[test]
fn more_workers_than_there_is_room_for_are_refused_only_when_no_reload_runs() {
    let mut scene = Scene::new(LIMITS);
    scene.tick();
    scene.tell(Fact::Exited(0));
    assert_eq!(scene.tell(reload(1000)), ["reload: TooMany"]);
    assert_eq!(scene.tell(reload(1)), ["start 1 as 0: start"]);
    assert_eq!(scene.tell(reload(1000)), ["reload: Busy"]);
    scene.is_ready(1);
    assert_eq!(scene.tell(reload(1)), ["start 2 as 0: reload"]);
    // The settings of one that is refused so would replace those of the one that runs.
    assert_eq!(scene.tell(reload(1000)), ["reload: Busy"]);
}

#[test]
fn one_that_fails_beside_others_ends_the_server() {
    let mut scene = Scene::new(FleetLimits { workers: 2, ..LIMITS });
    scene.tick();
    scene.tell(Fact::Imported(0));
    assert_eq!(scene.tell(Fact::Exited(0)), ["end: CannotStart"]);
}
