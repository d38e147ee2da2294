//! Tests of when connections move for the sake of balance.

use super::super::elsewhere::Shown;
use super::*;

/// The processes, by how busy they are; the first is this one.
struct Busy(Vec<u32>);

impl Seats for Busy {
    fn own(&self) -> usize {
        0
    }

    fn all(&self) -> impl Iterator<Item = usize> {
        0..self.0.len()
    }

    fn with_room(&self) -> impl Iterator<Item = usize> {
        std::iter::empty()
    }

    fn with_waiting(&self) -> impl Iterator<Item = usize> {
        std::iter::empty()
    }

    fn shown(&self, seat: usize) -> Shown {
        Shown {
            is_ready: true,
            beat: Duration::ZERO,
            unread: 0,
            busy: 1,
            expected_start: Duration::ZERO,
            oldest: Duration::ZERO,
            open: 0,
            utilisation: self.0[seat],
        }
    }

    fn reserve(&self, _: usize) -> bool {
        panic!("balance needs no place")
    }
}

/// Where connections move after a window in which 40 were active.
fn moves(busy: &[u32], random: u64) -> Vec<usize> {
    let mut level = Level::default();
    level.window_ended(busy[0], 40, random, Duration::ZERO, &Busy(busy.to_vec()));
    std::iter::from_fn(|| level.on_arrival()).collect()
}

#[test]
fn half_the_difference_moves_from_an_overloaded_process() {
    assert_eq!(moves(&[1000, 0], 0), [1; 20]);
    assert_eq!(moves(&[1000, 600], 0), [1; 8]);
    assert_eq!(moves(&[1000, 699, 999], 0), [1; 3], "another one sends its share");
    assert!(moves(&[899, 0], 0).is_empty(), "it is not overloaded");
    assert!(moves(&[1000, 700], 0).is_empty(), "the other is busy, too");
}

#[test]
fn overloaded_processes_do_not_all_choose_the_same_one() {
    let targets: Vec<_> =
        (0..3).map(|random| moves(&[1000, 100, 800, 0, 100], random)[0]).collect();
    assert_eq!(targets, [1, 3, 4]);
}

#[test]
fn a_process_rests_for_a_window_after_it_has_moved_connections() {
    let (mut level, busy) = (Level::default(), Busy(vec![1000, 0]));
    let mut moves_at = |windows| {
        level.window_ended(1000, 40, 0, windows * WINDOW, &busy);
        std::iter::from_fn(|| level.on_arrival()).count()
    };
    assert_eq!([moves_at(0), moves_at(1), moves_at(2)], [20, 0, 20]);
}
