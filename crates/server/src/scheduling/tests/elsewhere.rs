//! Tests of the rules as such, one process at a time.

use std::cell::Cell;

use super::super::siblings::Reservation;
use super::*;

const MS: Duration = Duration::from_millis(1);

/// A process with four threads, of which one runs a call that waits.
const USUAL: Load = Load {
    parallelism: Parallelism::WITH_GIL,
    waiting: 0,
    busy: 1,
    free: 3,
    average_call: MS,
    running: MS,
    attaching: None,
    attaches_soon: true,
};

const TWO_CORES: Parallelism = Parallelism::without_gil(2);

#[test]
fn room_is_what_would_start_at_once() {
    let computes = Load { attaches_soon: false, ..USUAL };
    let short = Load { average_call: MS / 5, running: MS / 5, ..USUAL };
    let idle = Load { busy: 0, free: 4, ..USUAL };
    let waits = |since| Load { attaching: Some(since), ..USUAL };
    for (load, room, what) in [
        (USUAL, 3, "its calls wait for other things"),
        (computes, 0, "its calls compute"),
        (idle, 1, "what an idle process will run is not known"),
        (Load { attaches_soon: false, ..idle }, 1, "nobody has the GIL"),
        (Load { waiting: 1, ..USUAL }, 0, "another request is first"),
        (Load { busy: 4, free: 0, ..USUAL }, 0, "no thread is free"),
        (waits(WORTH), 0, "a thread waits for the GIL"),
        (waits(WORTH / 2), 3, "a thread is being woken"),
        (Load { parallelism: TWO_CORES, ..computes }, 3, "no GIL, and its calls wait"),
        (Load { parallelism: TWO_CORES, ..short }, 1, "no GIL, and one core computes"),
        (Load { parallelism: TWO_CORES, busy: 2, free: 2, ..short }, 0, "both cores compute"),
        (Load { parallelism: TWO_CORES, busy: 0, free: 4, ..short }, 2, "nothing runs"),
    ] {
        assert_eq!(load.room(), room, "{what}");
    }
}

#[test]
fn a_start_is_expected_at_once_or_after_what_is_ahead() {
    let computes = Load { attaches_soon: false, ..USUAL };
    assert_eq!(USUAL.expected_start(), Duration::ZERO);
    assert_eq!(Load { waiting: 2, ..USUAL }.expected_start(), Duration::ZERO, "three are free");
    assert_eq!(Load { waiting: 3, ..USUAL }.expected_start(), 4 * MS);
    assert_eq!(Load { waiting: 1, ..computes }.expected_start(), 2 * MS);
    assert_eq!(Load { running: 9 * MS, ..computes }.expected_start(), 9 * MS, "it is long");
    let attaching = Load { attaching: Some(60 * MS), ..USUAL };
    assert_eq!(attaching.expected_start(), 60 * MS);
    assert!(attaching.is_stalled() && !USUAL.is_stalled());
    let hello = Load { average_call: MS / 50, running: MS / 100, ..computes };
    assert!(hello.expected_start() < WORTH);
    let two_compute = Load { parallelism: TWO_CORES, busy: 2, free: 0, waiting: 3, ..USUAL };
    assert_eq!(two_compute.expected_start(), 2 * MS, "two cores share four calls");
}

#[test]
fn attach_times_are_those_of_late() {
    let mut times = AttachTimes::default();
    assert!(times.are_short(), "nothing is known");
    times.record(Duration::from_secs(1));
    assert!(!times.are_short());
    for _ in 0..10 {
        times.record(MS / 20);
    }
    assert!(times.are_short(), "one call that never gave way is soon forgotten");
}

/// Other processes, each with its room.
struct Fixed {
    own: usize,
    seats: Vec<(Shown, Cell<usize>)>,
}

const IDLE: Shown = Shown {
    is_ready: true,
    beat: Duration::ZERO,
    unread: 0,
    busy: 0,
    expected_start: Duration::ZERO,
    oldest: Duration::ZERO,
    open: 0,
    utilisation: 0,
};

const BUSY: Shown = Shown { busy: 1, ..IDLE };

fn seats<const COUNT: usize>(own: usize, seats: [(Shown, usize); COUNT]) -> Fixed {
    Fixed { own, seats: seats.into_iter().map(|(shown, room)| (shown, Cell::new(room))).collect() }
}

impl Seats for Fixed {
    fn own(&self) -> usize {
        self.own
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        0..self.seats.len()
    }

    fn with_room(&self) -> impl Iterator<Item = usize> {
        self.all().filter(|&seat| self.seats[seat].1.get() > 0)
    }

    fn with_waiting(&self) -> impl Iterator<Item = usize> {
        self.all().filter(|&seat| self.seats[seat].0.oldest > Duration::ZERO)
    }

    fn shown(&self, seat: usize) -> Shown {
        self.seats[seat].0
    }

    fn reserve(&self, seat: usize) -> bool {
        let room = &self.seats[seat].1;
        let has_room = room.get() > 0;
        room.set(room.get().saturating_sub(1));
        has_room
    }
}

const COMPUTES: Load = Load { attaches_soon: false, ..USUAL };

#[test]
fn a_request_stays_where_it_starts_soon_and_where_no_process_has_room() {
    let others = seats(0, [(BUSY, 0), (IDLE, 1)]);
    assert_eq!(on_arrival(&USUAL, &others), None);
    assert_eq!(on_tick(&COMPUTES, WORTH / 2, &others), None, "it has just come");
    assert_eq!(on_arrival(&COMPUTES, &others), Some((1, Reservation::Made)));
    assert_eq!(on_arrival(&COMPUTES, &others), None, "that was the only place");
}

#[test]
fn a_request_prefers_an_idle_process_behind_its_own() {
    let others = seats(1, [(IDLE, 1), (BUSY, 0), (BUSY, 3), (IDLE, 1)]);
    let moves: Vec<_> = (0..6).filter_map(|_| on_tick(&COMPUTES, MS, &others)).collect();
    assert_eq!(moves, [3, 0, 2, 2, 2].map(|seat| (seat, Reservation::Made)));
}

#[test]
fn nothing_is_sent_to_a_process_that_does_not_serve_or_does_not_read() {
    let late = Shown { beat: BEAT_EVERY + MS, ..IDLE };
    let stopped = Shown { unread: 1, ..late };
    let ends = Shown { is_ready: false, ..IDLE };
    let others = seats(0, [(BUSY, 0), (stopped, 1), (ends, 1), (late, 1)]);
    assert_eq!(
        on_arrival(&COMPUTES, &others),
        Some((3, Reservation::Made)),
        "nothing waits there unread"
    );
    assert_eq!(on_arrival(&COMPUTES, &others), None);
    assert!(!on_want(1, &others) && !on_want(2, &others) && !on_want(0, &others));
}

#[test]
fn a_stalled_process_sends_where_the_wait_is_shortest() {
    let after = |expected_start| Shown { expected_start, ..BUSY };
    let others =
        || seats(0, [(BUSY, 0), (after(9 * MS), 0), (after(3 * MS), 0), (after(70 * MS), 0)]);
    let attaching = |since| Load { attaching: Some(since), ..USUAL };
    assert_eq!(on_arrival(&attaching(10 * MS), &others()), None);
    assert_eq!(on_arrival(&attaching(60 * MS), &others()), Some((2, Reservation::None)));
    let all_worse = seats(0, [(BUSY, 0), (after(70 * MS), 0)]);
    assert_eq!(on_arrival(&attaching(60 * MS), &all_worse), None);
    let stalled_too = seats(0, [(BUSY, 0), (after(Duration::MAX), 0)]);
    assert_eq!(on_arrival(&attaching(60 * MS), &stalled_too), None);
}

#[test]
fn a_process_that_ends_sends_where_the_wait_is_shortest() {
    let after = |expected_start| Shown { expected_start, ..BUSY };
    let busy = seats(0, [(BUSY, 0), (after(70 * MS), 0), (after(9 * MS), 0)]);
    assert_eq!(on_retirement(&busy), Some((2, Reservation::None)));
    let idle = seats(0, [(BUSY, 0), (after(70 * MS), 0), (IDLE, 1)]);
    assert_eq!(on_retirement(&idle), Some((2, Reservation::Made)));
    assert_eq!(on_retirement(&seats(0, [(BUSY, 0)])), None);
}

#[test]
fn idle_connections_go_where_the_fewest_are() {
    let with = |open| Shown { open, ..BUSY };
    let others = seats(0, [(with(0), 0), (with(9), 0), (with(4), 0)]);
    assert_eq!(for_idle_connection(&others), Some(2));
}

#[test]
fn a_process_without_work_asks_where_requests_have_waited_longest() {
    let waiting = |oldest| (Shown { oldest, ..BUSY }, 0);
    let others = seats(0, [(IDLE, 1), waiting(3 * MS), waiting(8 * MS)]);
    let idle = Load { busy: 0, free: 4, ..USUAL };
    let mut pull = Pull::default();
    assert_eq!(pull.on_idle(&COMPUTES, MS, &others), None, "it has no room");
    assert_eq!(pull.on_idle(&idle, MS, &others), Some(2));
    assert_eq!(pull.on_idle(&idle, 2 * MS, &others), None, "one at a time");
    pull.refused(2, 2 * MS);
    assert_eq!(pull.on_idle(&idle, 3 * MS, &others), Some(1), "the other has just refused");
    pull.received(1);
    assert_eq!(pull.on_idle(&idle, 4 * MS, &others), Some(2));
    assert_eq!(pull.on_idle(&idle, 8 * MS, &others), Some(2), "no answer has come");
}

#[test]
fn a_process_that_asks_is_answered_where_it_still_has_room() {
    let others = seats(0, [(BUSY, 0), (IDLE, 1)]);
    assert!(on_want(1, &others));
    assert!(!on_want(1, &others), "its place is taken");
}
