//! The fleet, told of one fact after the other.

use super::*;
use crate::supervisor::scene::{Scene, is_none, reload};

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
    assert_eq!(scene.after(1), ["kill 1: not ready within 120s"]);
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
                5 => reload(2),
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
