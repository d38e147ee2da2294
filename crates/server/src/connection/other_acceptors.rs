//! Whether another worker process accepts connections, so that this one may leave them to it.
//!
//! All processes have the same listeners. One whose interpreter is held by a call leaves new connections
//! to the others, because their first requests would move there anyway. But if nobody else can take them,
//! they are accepted here: their clients are then told by `queue-limit` and `queue-timeout` that they
//! cannot be served, instead of waiting in the kernel's backlog for as long as the call lasts.

use super::siblings::SiblingProcesses;
use crate::board::{Board, Seat, SeatState, monotonic_ns};

/// A process whose I/O thread has not run for this long accepts nothing: it runs once a second at least.
const ACCEPTS_WITHIN_NS: u64 = 2_000_000_000;

impl SiblingProcesses {
    /// Whether another process accepts connections.
    pub(crate) fn another_accepts(&self) -> bool {
        another_accepts(self.place().board(), self.place().index(), monotonic_ns())
    }
}

fn another_accepts(board: &Board, own: usize, now_ns: u64) -> bool {
    let others = (0..board.shape().seats()).filter(|&index| index != own);
    others.filter_map(|index| board.seat(index)).any(|seat| accepts(&seat, now_ns))
}

fn accepts(seat: &Seat<'_>, now_ns: u64) -> bool {
    let is_stalled = seat.expected_start() == u64::MAX;
    let silent_for = now_ns.saturating_sub(seat.io_beat());
    seat.state() == SeatState::Ready && !is_stalled && silent_for <= ACCEPTS_WITHIN_NS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Shape;

    #[test]
    fn only_another_process_that_serves_and_can_take_a_request_accepts() {
        let board = Board::create(Shape::new(2, 1, 1), &std::env::temp_dir()).unwrap();
        let seats = [0, 1].map(|index| board.seat(index).unwrap());
        let now = 100 * ACCEPTS_WITHIN_NS;
        seats.iter().for_each(|seat| seat.begin_to_serve(now));
        assert!(another_accepts(&board, 0, now));
        seats[1].set_expected_start(u64::MAX);
        assert!(!another_accepts(&board, 0, now), "its interpreter is held, too");
        assert!(another_accepts(&board, 1, now));
        seats[1].set_expected_start(0);
        seats[1].set_io_beat(now - ACCEPTS_WITHIN_NS - 1);
        assert!(!another_accepts(&board, 0, now), "it is stopped");
        seats[1].set_io_beat(now);
        seats[1].set_state(SeatState::Retiring);
        assert!(!another_accepts(&board, 0, now), "it ends");
    }
}
