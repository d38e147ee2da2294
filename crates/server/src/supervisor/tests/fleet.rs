//! The fleet, told of one fact after the other.

use super::*;
use crate::supervisor::scene::{Scene, is_none};

const LIMITS: FleetLimits = FleetLimits::TWO_WORKERS;

#[test]
fn the_first_worker_starts_alone_and_the_others_once_it_has_imported_the_application() {
    let mut scene = Scene::new(FleetLimits { workers: 3, ..LIMITS });
    assert_eq!(scene.tick(), ["start 0 as 0: start"]);
    is_none(&scene.after(20));
    let begun = scene.tell(Fact::Imported(0));
    assert_eq!(begun, ["admit 0", "start 1 as 1: start", "start 2 as 2: start"]);
    scene.tell(Fact::Ready(0));
    scene.is_ready(1);
    assert!(!scene.fleet.is_ready(), "one has not had its time");
    scene.is_ready(2);
    assert!(scene.fleet.is_ready());
}

#[test]
fn as_many_import_at_once_as_there_are_cpus() {
    let mut scene = Scene::new(FleetLimits { workers: 4, imports_at_once: 2, ..LIMITS });
    scene.tick();
    let begun = scene.tell(Fact::Imported(0));
    assert_eq!(begun, ["admit 0", "start 1 as 1: start", "start 2 as 2: start"]);
    assert_eq!(scene.tell(Fact::Imported(2)), ["admit 2", "start 3 as 3: start"]);
}

#[test]
fn a_server_is_ready_with_one_worker_when_the_others_have_had_their_time() {
    let mut scene = Scene::new(LIMITS);
    scene.tick();
    scene.is_ready(0);
    scene.after(119);
    assert!(!scene.fleet.is_ready());
    assert_eq!(scene.after(1), ["kill 1: StartTimeout"]);
    assert!(scene.fleet.is_ready());
    assert!(scene.fleet.has_started());
}

#[test]
fn a_first_worker_that_cannot_start_ends_the_server() {
    for fact in [Fact::Tick, Fact::Imported(0)] {
        let mut scene = Scene::new(LIMITS);
        scene.tick();
        scene.tell(fact);
        let last = scene.tell(Fact::Exited(0)).pop();
        assert_eq!(last.as_deref(), Some("end: CannotStart"));
    }
}

#[test]
fn a_worker_that_dies_is_replaced_later_each_time_while_the_other_serves() {
    let mut scene = Scene::serving(LIMITS);
    assert_eq!(scene.tell(Fact::Exited(1)), ["start 2 as 1: crash"]);
    assert!(scene.fleet.is_ready());
    for (serial, delay) in [(2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 30), (8, 30)] {
        is_none(&scene.tell(Fact::Exited(serial)));
        is_none(&scene.after(delay - 1));
        assert_eq!(scene.after(1), [format!("start {} as 1: crash", serial + 1)]);
    }
    assert!(scene.fleet.is_ready(), "the other one serves");
}

#[test]
fn five_failed_starts_with_nobody_ready_end_the_server() {
    let mut scene = Scene::serving(FleetLimits { workers: 1, ..LIMITS });
    assert_eq!(scene.tell(Fact::Exited(0)), ["start 1 as 0: crash"]);
    assert!(!scene.fleet.is_ready());
    for serial in 1..5 {
        is_none(&scene.tell(Fact::Exited(serial)));
        scene.after(30);
    }
    assert_eq!(scene.tell(Fact::Exited(5)), ["end: CrashLoop(5)"]);
    is_none(&scene.after(100));
}

#[test]
fn a_worker_that_was_hung_is_replaced_at_once_however_often_it_died() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Exited(1));
    scene.is_ready(2);
    is_none(&scene.tell(Fact::Hung(2)));
    assert_eq!(scene.tell(Fact::Exited(2)), ["start 3 as 1: hung"]);
}

#[test]
fn a_reload_replaces_one_worker_after_the_other_and_retires_who_has_a_proven_successor() {
    let mut scene = Scene::serving(LIMITS);
    assert_eq!(scene.tell(Fact::Reload(2)), ["start 2 as 0: reload"]);
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
    assert_eq!(scene.tell(Fact::Reload(1)), ["start 1 as 0: reload"]);
    scene.is_ready(1);
    assert_eq!(scene.after(1), ["retire 0", "reload: Complete { replaced: 1 }"]);
}

#[test]
fn the_first_failure_stops_a_reload_and_who_serves_goes_on() {
    // The new process cannot import, cannot open the listeners, or dies within the second.
    let stages: [&[Fact]; 3] = [&[], &[Fact::Imported(2)], &[Fact::Imported(2), Fact::Ready(2)]];
    for facts in stages {
        let mut scene = Scene::serving(LIMITS);
        scene.tell(Fact::Reload(2));
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
fn a_reload_that_stops_at_the_third_of_four_keeps_two_new_ones_and_two_old_ones() {
    let mut scene = Scene::serving(FleetLimits { workers: 4, ..LIMITS });
    scene.tell(Fact::Reload(4));
    for new in [4, 5] {
        scene.is_ready(new);
        scene.after(1);
    }
    let stopped = scene.tell(Fact::Exited(6));
    assert_eq!(stopped, ["reload: Stopped { replaced: 2, of: 4 }"]);
    assert_eq!(scene.fleet.ready(), 4);
    assert_eq!(scene.tell(Fact::Reload(4)), ["start 7 as 2: reload"]);
}

#[test]
fn a_new_process_that_is_not_ready_in_time_stops_a_reload() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Reload(2));
    assert_eq!(scene.after(120), ["kill 2: StartTimeout"]);
    let stopped = scene.tell(Fact::Exited(2));
    assert_eq!(stopped, ["reload: Stopped { replaced: 0, of: 2 }"]);
}

#[test]
fn a_second_reload_while_one_runs_is_refused() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Reload(2));
    assert_eq!(scene.tell(Fact::Reload(2)), ["reload: Busy"]);
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["retire 0", "start 3 as 1: reload"]);
}

#[test]
fn many_workers_are_replaced_a_tenth_at_a_time() {
    let mut scene = Scene::serving(FleetLimits { workers: 20, imports_at_once: 99, ..LIMITS });
    let begun = scene.tell(Fact::Reload(20));
    assert_eq!(begun, ["start 20 as 0: reload", "start 21 as 1: reload"]);
}

#[test]
fn no_more_processes_retire_at_once_than_there_are_workers() {
    let mut scene = Scene::serving(FleetLimits { workers: 1, ..LIMITS });
    for (old, new) in [(0, 1), (1, 2)] {
        let begun = scene.tell(Fact::Reload(1));
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
    scene.tell(Fact::Reload(3));
    scene.is_ready(2);
    scene.after(1);
    scene.is_ready(3);
    let ended = scene.after(1);
    assert_eq!(ended[1..], ["reload: Complete { replaced: 2 }", "start 4 as 2: scale"]);
    scene.is_ready(4);
    assert_eq!(scene.tell(Fact::Reload(1)), ["start 5 as 0: reload"]);
    scene.is_ready(5);
    let ended = scene.after(1);
    assert_eq!(ended, ["retire 2", "retire 3", "retire 4", "reload: Complete { replaced: 1 }"]);
    for serial in [2, 3, 4] {
        is_none(&scene.tell(Fact::Exited(serial)));
    }
    assert_eq!(scene.tell(Fact::Reload(65)), ["reload: TooMany"]);
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
    is_none(&scene.tell(Fact::Reload(2)));
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
    scene.tell(Fact::Reload(2));
    is_none(&scene.tell(Fact::Exited(0)));
    scene.is_ready(2);
    assert_eq!(scene.after(1), ["start 3 as 1: reload"]);
}

#[test]
fn without_memory_for_one_more_the_old_worker_retires_first() {
    let mut scene = Scene::serving(LIMITS);
    scene.fleet.set_headroom(Headroom::Short);
    assert_eq!(scene.tell(Fact::Reload(2)), ["retire 0"]);
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
    assert_eq!(scene.tell(Fact::Reload(1)), ["reload: NoRoom"]);
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

#[test]
fn a_drain_starts_nobody_and_ends_with_the_last_process() {
    let mut scene = Scene::serving(LIMITS);
    scene.tell(Fact::Reload(2));
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
fn a_server_that_is_stopped_before_it_has_started_ends() {
    let mut scene = Scene::new(LIMITS);
    scene.tick();
    assert_eq!(scene.tell(Fact::Drain), ["kill 0: NotWanted", "drain"]);
    assert_eq!(scene.tell(Fact::Exited(0)), ["end: Drained"]);
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

#[test]
fn no_sequence_of_facts_leaves_a_number_without_a_process_or_a_start() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..200 {
        let mut scene = Scene::serving(LIMITS);
        for _ in 0..200 {
            let serial = scene.fleet.next_serial.saturating_sub(1 + random(5));
            let fact = match random(7) {
                0 => Fact::Imported(serial),
                1 | 2 => Fact::Ready(serial),
                3 if scene.fleet.ready() > 1 => Fact::Exited(serial),
                4 => Fact::Replace(serial, StartReason::MaxRequests),
                5 => Fact::Reload(2),
                _ => Fact::Tick,
            };
            scene.now += Duration::from_millis(random(700));
            let commands = scene.tell(fact);
            assert!(!commands.iter().any(|command| command.starts_with("end")), "{commands:?}");
            for number in 0..2 {
                let has_process = scene.fleet.processes.values().any(|it| it.number == number);
                let has_start = scene.fleet.starts.contains_key(&number);
                assert!(has_process || has_start, "{number}: {:?}", scene.fleet);
            }
            assert!(scene.fleet.processes.len() <= LIMITS.seats);
        }
    }
}
