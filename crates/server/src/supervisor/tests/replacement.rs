//! Processes that are replaced: by reloads, and by recycling.

use super::*;
use crate::supervisor::facts::{Fact, FleetLimits};
use crate::supervisor::scene::{Scene, is_none, reload};

const LIMITS: FleetLimits = FleetLimits::TWO_WORKERS;

#[test]
fn a_reload_replaces_one_worker_after_the_other_and_retires_who_has_a_proven_successor() {
    let mut scene = Scene::serving(LIMITS);
    assert_eq!(scene.tell(reload(2)), ["start 2 as 0: reload"]);
    assert_eq!(scene.tell(Fact::Imported(2)), ["admit 2"]);
    is_none(&scene.tell(Fact::Ready(2)));
    assert_eq!(scene.fleet.reload_progress(), Some((0, 2)));
    assert_eq!(scene.after(1), ["retire 0", "start 3 as 1: reload"]);
    assert_eq!(scene.fleet.reload_progress(), Some((1, 2)));
    scene.is_ready(3);
    assert_eq!(scene.after(1), ["retire 1", "reload: Complete { replaced: 2 }"]);
    is_none(&scene.tell(Fact::Exited(0)));
    is_none(&scene.tell(Fact::Exited(1)));
    assert!(scene.fleet.is_ready() && scene.fleet.reload_progress().is_none());
}

#[test]
fn a_reload_works_with_one_worker() {
    let mut scene = Scene::serving(FleetLimits { workers: 1, ..LIMITS });
    assert_eq!(scene.tell(reload(1)), ["start 1 as 0: reload"]);
    scene.is_ready(1);
    assert_eq!(scene.after(1), ["retire 0", "reload: Complete { replaced: 1 }"]);
}

#[test]
fn the_first_failure_stops_a_reload_and_who_serves_goes_on() {
    // The new process cannot import, cannot open the listeners, or dies within the second.
    let stages: [&[Fact]; 3] = [&[], &[Fact::Imported(2)], &[Fact::Imported(2), Fact::Ready(2)]];
    for facts in stages {
        let mut scene = Scene::serving(LIMITS);
        scene.tell(reload(2));
        for &fact in facts {
            scene.tell(fact);
        }
        let stopped = scene.tell(Fact::Exited(2));
        assert_eq!(stopped, ["reload: Stopped { replaced: 0, of: 2 }"]);
        is_none(&scene.after(100));
        assert_eq!(scene.fleet.ready(), 2);
    }
}

#[test]
fn a_reload_that_stops_retires_its_processes_that_serve_already() {
    let mut scene = Scene::serving(FleetLimits { workers: 20, imports_at_once: 99, ..LIMITS });
    scene.tell(reload(20));
    scene.is_ready(20);
    let stopped = scene.tell(Fact::Exited(21));
    assert_eq!(stopped, ["retire 20", "reload: Stopped { replaced: 0, of: 20 }"]);
    is_none(&scene.tell(Fact::Exited(20)));
    assert_eq!(scene.fleet.ready(), 20);
}

#[test]
fn a_reload_that_stops_at_the_third_of_four_keeps_two_new_ones_and_two_old_ones() {
    let mut scene = Scene::serving(FleetLimits { workers: 4, ..LIMITS });
    scene.tell(reload(4));
    for new in [4, 5] {
        scene.is_ready(new);
        scene.after(1);
    }
    let stopped = scene.tell(Fact::Exited(6));
    assert_eq!(stopped, ["reload: Stopped { replaced: 2, of: 4 }"]);
    assert_eq!(scene.fleet.ready(), 4);
    assert_eq!(scene.tell(reload(4)), ["start 7 as 2: reload"]);
}

#[test]
fn a_new_process_that_is_not_ready_in_time_stops_a_reload() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(reload(2));
    assert_eq!(scene.after(120), ["kill 2: not ready within 120s"]);
    let stopped = scene.tell(Fact::Exited(2));
    assert_eq!(stopped, ["reload: Stopped { replaced: 0, of: 2 }"]);
}

#[test]
fn a_second_reload_while_one_runs_is_refused() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(reload(2));
    assert_eq!(scene.tell(reload(2)), ["reload: Busy"]);
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["retire 0", "start 3 as 1: reload"]);
}

#[test]
fn many_workers_are_replaced_a_tenth_at_a_time() {
    let mut scene = Scene::serving(FleetLimits { workers: 20, imports_at_once: 99, ..LIMITS });
    let begun = scene.tell(reload(20));
    assert_eq!(begun, ["start 20 as 0: reload", "start 21 as 1: reload"]);
}

#[test]
fn no_more_processes_retire_at_once_than_there_are_workers() {
    let mut scene = Scene::serving(FleetLimits { workers: 1, ..LIMITS });
    for (old, new) in [(0, 1), (1, 2)] {
        let begun = scene.tell(reload(1));
        if old == 1 {
            is_none(&begun);
            assert_eq!(scene.tell(Fact::Exited(0)), ["start 2 as 0: reload"]);
        }
        scene.is_ready(new);
        scene.after(1);
    }
}

#[test]
fn a_reload_may_change_the_number_of_workers() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(reload(3));
    scene.is_ready(2);
    scene.after(1);
    scene.is_ready(3);
    let ended = scene.after(1);
    assert_eq!(ended[1..], ["reload: Complete { replaced: 2 }", "start 4 as 2: scale"]);
    scene.is_ready(4);
    assert_eq!(scene.tell(reload(1)), ["start 5 as 0: reload"]);
    scene.is_ready(5);
    let ended = scene.after(1);
    assert_eq!(ended, ["retire 2", "retire 3", "retire 4", "reload: Complete { replaced: 1 }"]);
    for serial in [2, 3, 4] {
        is_none(&scene.tell(Fact::Exited(serial)));
    }
    assert_eq!(scene.tell(reload(65)), ["reload: TooMany"]);
}

#[test]
fn recycling_replaces_a_worker_once_and_waits_for_a_reload() {
    let mut scene = Scene::serving(LIMITS);
    let recycle = Fact::Replace(0, StartReason::MaxRequests);
    assert_eq!(scene.tell(recycle), ["start 2 as 0: max_requests"]);
    is_none(&scene.tell(recycle));
    is_none(&scene.tell(Fact::Replace(1, StartReason::MaxRss)));
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["retire 0", "start 3 as 1: max_rss"]);
    // The reload counts on the process that has just been started, and replaces the other.
    is_none(&scene.tell(reload(2)));
}

#[test]
fn a_worker_whose_successor_fails_stays_and_is_not_recycled_for_a_while() {
    let mut scene = Scene::serving(LIMITS);
    let recycle = Fact::Replace(0, StartReason::MaxRequests);
    scene.tell(recycle);
    is_none(&scene.tell(Fact::Exited(2)));
    is_none(&scene.tell(recycle));
    assert_eq!(scene.fleet.ready(), 2);
    scene.after(1);
    assert_eq!(scene.tell(recycle), ["start 3 as 0: max_requests"]);
}

#[test]
fn an_old_worker_that_dies_while_its_successor_starts_needs_no_other() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(reload(2));
    is_none(&scene.tell(Fact::Exited(0)));
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["start 3 as 1: reload"]);
}

#[test]
fn without_memory_for_one_more_the_old_worker_retires_first() {
    let mut scene = Scene::serving(LIMITS);
    scene.fleet.set_headroom(Headroom::Short);
    assert_eq!(scene.tell(reload(2)), ["retire 0"]);
    assert_eq!(scene.tell(Fact::Exited(0)), ["start 2 as 0: reload"]);
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["retire 1"]);
    assert_eq!(scene.tell(Fact::Exited(1)), ["start 3 as 1: reload"]);
    scene.is_ready(3);
    assert_eq!(scene.after(1), ["reload: Complete { replaced: 2 }"]);
}

#[test]
fn without_memory_a_single_worker_stays_and_the_warning_repeats_each_hour() {
    let mut scene = Scene::serving(FleetLimits { workers: 1, ..LIMITS });
    scene.fleet.set_headroom(Headroom::Short);
    let recycle = Fact::Replace(0, StartReason::MaxRss);
    assert_eq!(scene.tell(recycle), ["no room to replace 0"]);
    is_none(&scene.tell(recycle));
    scene.after(3600);
    assert_eq!(scene.tell(recycle), ["no room to replace 0"]);
    assert_eq!(scene.tell(reload(1)), ["reload: NoRoom"]);
}

#[test]
fn a_reload_that_loses_its_room_before_anything_is_replaced_has_failed() {
    let mut scene = Scene::serving(FleetLimits { workers: 1, ..LIMITS });
    scene.tell(reload(1));
    scene.is_ready(1);
    assert_eq!(scene.after(1), ["retire 0", "reload: Complete { replaced: 1 }"]);
    // The next one waits until the old process has ended.
    is_none(&scene.tell(reload(1)));
    scene.fleet.set_headroom(Headroom::Short);
    is_none(&scene.after(1));
    assert_eq!(scene.tell(Fact::Exited(0)), ["reload: NoRoom"]);
    is_none(&scene.after(100));
}

#[test]
fn a_worker_that_was_to_be_succeeded_is_not_if_its_number_is_not_wanted_any_more() {
    let mut scene = Scene::serving(FleetLimits { workers: 3, ..LIMITS });
    scene.fleet.set_headroom(Headroom::Short);
    assert_eq!(scene.tell(Fact::Replace(2, StartReason::MaxRss)), ["retire 2"]);
    scene.fleet.set_headroom(Headroom::Enough);
    scene.tell(reload(1));
    scene.is_ready(3);
    assert_eq!(scene.after(1), ["retire 0", "retire 1", "reload: Complete { replaced: 1 }"]);
    for serial in [0, 1, 2] {
        is_none(&scene.tell(Fact::Exited(serial)));
    }
    is_none(&scene.after(100));
}

#[test]
fn without_memory_for_one_more_a_crash_is_replaced_when_who_retires_has_ended() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Replace(0, StartReason::MaxRss));
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["retire 0"]);
    scene.fleet.set_headroom(Headroom::Short);
    is_none(&scene.tell(Fact::Exited(1)));
    is_none(&scene.after(10));
    assert_eq!(scene.tell(Fact::Exited(0)), ["start 3 as 1: crash"]);
}
