//! What the board promises, in every order of the threads and with every value that they may see.

use std::sync::Arc;

use loom::model;
use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use maitred_server_model::board::{Board, Seen, SequencedRecord, words};
use maitred_server_model::telemetry;

#[test]
fn a_record_that_is_called_whole_is_one_and_is_never_older_than_the_last_one() {
    // All orders take hours.
    let mut few_switches = Builder::new();
    few_switches.preemption_bound = Some(3);
    few_switches.check(|| {
        let place = Arc::new(words(3));
        SequencedRecord::new(&place).unwrap().write(&[1, 1]);
        let writer = thread::spawn({
            let place = Arc::clone(&place);
            move || SequencedRecord::new(&place).unwrap().write(&[2, 2])
        });
        let record = SequencedRecord::new(&place).unwrap();
        let mut values = [0; 2];
        if record.read(&mut values) == Seen::Whole {
            assert!(values == [1, 1] || values == [2, 2], "{values:?}");
        }
        writer.join().unwrap();
        assert_eq!(record.read(&mut values), Seen::Whole);
        assert_eq!(values, [2, 2]);
    });
}

#[test]
fn a_reader_sees_one_record_after_the_other_and_none_again() {
    model(|| {
        let place = Arc::new(words(2));
        let writer = thread::spawn({
            let place = Arc::clone(&place);
            move || SequencedRecord::new(&place).unwrap().write(&[1])
        });
        let record = SequencedRecord::new(&place).unwrap();
        let mut last = 0;
        for _ in 0..2 {
            let (version, mut values) = (record.version(), [0]);
            if record.read(&mut values) == Seen::Whole {
                assert!(values[0] >= last);
                assert!(version < 2 || values[0] == 1, "a version that is told is there");
                last = values[0];
            }
        }
        writer.join().unwrap();
    });
}

#[test]
fn bits_that_several_processes_set_and_clear_at_once_are_all_kept() {
    model(|| {
        let board = Arc::new(Board::new(3));
        board.hints().set(2);
        let others = [0, 1].map(|seat| {
            let board = Arc::clone(&board);
            thread::spawn(move || {
                board.hints().set(seat);
                if seat == 1 {
                    board.hints().clear(seat);
                }
            })
        });
        board.hints().clear(2);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(board.hints().iter().collect::<Vec<_>>(), [0]);
    });
}

#[test]
fn room_for_one_is_reserved_by_one_and_given_back_once() {
    model(|| {
        let board = Arc::new(Board::new(1));
        board.seat(0).set_room(1);
        let takes = |board: Arc<Board>| {
            move || {
                let has_reserved = board.seat(0).reserve();
                if has_reserved {
                    board.seat(0).release();
                }
                has_reserved
            }
        };
        let other = thread::spawn(takes(Arc::clone(&board)));
        let own = takes(Arc::clone(&board))();
        assert!(own | other.join().unwrap(), "one of them had it");
        assert_eq!(board.seat(0).room(), 1);
    });
}

#[test]
fn room_is_never_reserved_by_more_than_there_is_room_for() {
    model(|| {
        let board = Arc::new(Board::new(1));
        board.seat(0).set_room(1);
        let other = thread::spawn({
            let board = Arc::clone(&board);
            move || board.seat(0).reserve()
        });
        let own = board.seat(0).reserve();
        assert!(own ^ other.join().unwrap());
        assert_eq!(board.seat(0).room(), 0);
    });
}

/// One connection moves from the first process to the second one.
fn moves(board: &Arc<Board>) -> [thread::JoinHandle<()>; 2] {
    board.seat(0).set_open(1);
    let message = Arc::new(AtomicBool::new(false));
    let (sender, inbox) = (Arc::clone(board), Arc::clone(&message));
    let sends = move || {
        sender.seat(1).add_sent(7);
        inbox.store(true, Ordering::Release);
        sender.seat(0).set_open(0);
    };
    let receiver = Arc::clone(board);
    let receives = move || {
        if message.load(Ordering::Acquire) {
            receiver.seat(1).set_open(1);
            receiver.seat(1).add_adopted();
        }
    };
    [thread::spawn(sends), thread::spawn(receives)]
}

#[test]
fn a_connection_that_moves_is_never_missed() {
    model(|| {
        let board = Arc::new(Board::new(2));
        let both = moves(&board);
        let sum = board.open_connections();
        // It may be shown as open at both ends, and as on its way.
        assert!((1..=3).contains(&sum), "{sum}");
        both.into_iter().for_each(|process| process.join().unwrap());
        assert_eq!(board.open_connections(), 1);
    });
}

#[test]
fn what_is_on_its_way_is_not_mended_away() {
    model(|| {
        let board = Arc::new(Board::new(1));
        let other = thread::spawn({
            let board = Arc::clone(&board);
            move || board.seat(0).add_sent(7)
        });
        board.seat(0).mend_unread();
        other.join().unwrap();
        assert_eq!(board.seat(0).unread(), 1);
    });
}

#[test]
fn a_request_that_was_answered_is_never_taken_for_the_next_one_of_its_thread() {
    model(|| {
        let board = Arc::new(Board::new(1));
        let slot = board.seat(0).slot(0).unwrap();
        slot.begin(1, 0, b"GET", b"/first", b"");
        slot.answered();
        let thread = thread::spawn({
            let board = Arc::clone(&board);
            move || board.seat(0).slot(0).unwrap().begin(2, 0, b"GET", b"/next", b"")
        });
        thread.join().unwrap();
        assert!(!slot.read().unwrap().is_answered);
    });
}

#[test]
fn counters_of_a_number_lose_nothing_and_never_go_back_while_its_process_is_replaced() {
    model(|| {
        let cells = Arc::new(words(1));
        let processes = [2, 3].map(|count| {
            let cells = Arc::clone(&cells);
            thread::spawn(move || telemetry::add(&cells, 0, count))
        });
        let first = telemetry::get(&cells, 0);
        let second = telemetry::get(&cells, 0);
        assert!(first <= second && second <= 5);
        processes.into_iter().for_each(|process| process.join().unwrap());
        assert_eq!(telemetry::get(&cells, 0), 5);
    });
}
