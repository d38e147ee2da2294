//! Where everything stands on the board, in words of 64 bits.
//!
//! A header, then the seats, then the counters of each number. A **number** is what the label
//! `worker` shows, 0 to `workers` − 1; a **seat** is the place of one process. While a process is
//! replaced, the old and the new one have the same number, and a seat each.
//!
//! What is written often by one process begins on a cache line of its own.

/// Words of a cache line.
const LINE: usize = 8;

/// Numbers that any board has room for, so that `workers` can be raised without a restart.
const NUMBERS_MIN: usize = 64;

/// Seats beyond one for each number: for processes that end while their successors serve.
const SPARE_SEATS: usize = 16;

/// Requests in progress that any seat shows, so that `threads` can be raised without a restart.
const SLOTS_MIN: usize = 64;

/// The most requests in progress that a seat shows: one for each thread. Those of further threads are
/// only counted.
pub const SLOTS_MAX: usize = 512;

/// Bounds of what is believed of a header that another process wrote.
const NUMBERS_MAX: usize = 4096;
const CELLS_MAX: usize = 1 << 20;

/// `maitred` and the version of this layout.
pub(super) const MAGIC: u64 = u64::from_be_bytes(*b"maitred\x01");

/// Words of the header.
pub(super) mod header {
    pub(in super::super) const MAGIC: usize = 0;
    pub(in super::super) const NUMBERS: usize = 1;
    pub(in super::super) const CELLS: usize = 2;
    pub(in super::super) const SLOTS: usize = 3;
    pub(in super::super) const SEAT_WORDS: usize = 4;
    pub(in super::super) const LIFE: usize = 8;
}

/// Words before the bits of the hints.
const HEADER: usize = 2 * LINE;

/// Words of a seat, before its slots.
pub(super) mod seat {
    use super::LINE;

    // Who sits there: written when a process starts and ends.
    pub(in super::super) const PID: usize = 0;
    pub(in super::super) const NUMBER: usize = 1;
    pub(in super::super) const GENERATION: usize = 2;
    pub(in super::super) const SPAWNED_AT: usize = 3;
    pub(in super::super) const STATE: usize = 4;
    pub(in super::super) const GIL_ENABLED: usize = 5;

    // Beats: written each second, and by the I/O thread each time round its loop.
    pub(in super::super) const IO_BEAT: usize = LINE;
    pub(in super::super) const PYTHON_BEAT: usize = LINE + 1;
    pub(in super::super) const STUCK_SINCE: usize = LINE + 2;

    // Load: written under the lock of the process's queue.
    pub(in super::super) const ROOM: usize = 2 * LINE;
    pub(in super::super) const WAITING: usize = 2 * LINE + 1;
    pub(in super::super) const OLDEST: usize = 2 * LINE + 2;
    pub(in super::super) const AVERAGE_CALL: usize = 2 * LINE + 3;
    pub(in super::super) const UTILISATION: usize = 2 * LINE + 4;
    pub(in super::super) const FREE_DESCRIPTORS: usize = 2 * LINE + 5;
    pub(in super::super) const BUSY: usize = 2 * LINE + 6;
    pub(in super::super) const THREADS: usize = 2 * LINE + 7;

    // Connections: written at each accept and close, the last two by the processes that send.
    pub(in super::super) const OPEN: usize = 3 * LINE;
    pub(in super::super) const ADOPTED: usize = 3 * LINE + 1;
    pub(in super::super) const REQUESTS: usize = 3 * LINE + 2;
    pub(in super::super) const EXPECTED_START: usize = 3 * LINE + 3;
    pub(in super::super) const UTILISATION_AT: usize = 3 * LINE + 4;
    pub(in super::super) const DEPARTING: usize = 3 * LINE + 5;
    pub(in super::super) const SENT: usize = 4 * LINE;
    pub(in super::super) const UNREAD_SINCE: usize = 4 * LINE + 1;

    /// Counters that a worker derives itself, such as CPU time: a sequence-locked record that the
    /// server's telemetry writes and reads.
    pub(in super::super) const PUBLISHED: usize = 5 * LINE;
    /// Words of that record, without its sequence number.
    pub const PUBLISHED_WORDS: usize = 8 * LINE - 1;

    pub(super) const WORDS: usize = 13 * LINE;
}

/// Words of a slot: the sequence number and the request.
pub(super) const SLOT_WORDS: usize = 4 * LINE;

/// How much there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Numbers, each with its counters.
    pub numbers: usize,
    /// Counters of a number.
    pub cells: usize,
    /// Requests in progress that a seat shows.
    pub slots: usize,
}

impl Shape {
    /// The board for this many workers with this many threads each, and a number of counters for
    /// each. Each thread may be stuck and have a replacement.
    pub fn new(workers: usize, threads: usize, cells: usize) -> Self {
        Self {
            numbers: workers.saturating_mul(2).clamp(NUMBERS_MIN, NUMBERS_MAX),
            cells: cells.min(CELLS_MAX),
            slots: threads.saturating_mul(2).clamp(SLOTS_MIN, SLOTS_MAX),
        }
    }

    /// The shape that a header tells, if it can be one.
    pub(super) fn read(header: impl Fn(usize) -> u64) -> Option<Self> {
        let field = |index| usize::try_from(header(index)).ok();
        let shape = Self {
            numbers: field(header::NUMBERS)?,
            cells: field(header::CELLS)?,
            slots: field(header::SLOTS)?,
        };
        let is_possible = (1..=NUMBERS_MAX).contains(&shape.numbers)
            && shape.cells <= CELLS_MAX
            && (1..=SLOTS_MAX).contains(&shape.slots)
            && field(header::SEAT_WORDS) == Some(shape.seat_words())
            && header(header::MAGIC) == MAGIC;
        is_possible.then_some(shape)
    }

    /// The number of seats.
    pub fn seats(self) -> usize {
        self.numbers + SPARE_SEATS
    }

    /// Words of one row of bits, a bit for each seat.
    pub(super) fn hint_words(self) -> usize {
        to_line(self.seats().div_ceil(64))
    }

    pub(super) fn room_hints(self) -> usize {
        HEADER
    }

    pub(super) fn waiting_hints(self) -> usize {
        HEADER + self.hint_words()
    }

    pub(super) fn seat_words(self) -> usize {
        seat::WORDS + self.slots * SLOT_WORDS
    }

    pub(super) fn seat(self, index: usize) -> usize {
        HEADER + 2 * self.hint_words() + index * self.seat_words()
    }

    pub(super) fn slot(self, index: usize) -> usize {
        seat::WORDS + index * SLOT_WORDS
    }

    pub(super) fn number(self, number: usize) -> usize {
        self.seat(self.seats()) + number * to_line(self.cells)
    }

    /// Words of the whole board.
    pub(super) fn words(self) -> usize {
        self.number(self.numbers)
    }
}

/// Rounds up to whole cache lines.
fn to_line(words: usize) -> usize {
    words.next_multiple_of(LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_has_room_to_raise_workers_and_threads_and_for_successors() {
        let small = Shape::new(2, 4, 100);
        assert_eq!((small.numbers, small.seats(), small.slots), (64, 80, 64));
        let large = Shape::new(1024, 4, 100);
        assert_eq!((large.numbers, large.seats()), (2048, 2064));
        assert_eq!(Shape::new(2, 10_000, 100).slots, SLOTS_MAX);
    }

    #[test]
    fn no_two_parts_of_a_board_share_a_word() {
        let shape = Shape::new(3, 5, 77);
        let mut parts = vec![(0, HEADER)];
        parts.push((shape.room_hints(), shape.hint_words()));
        parts.push((shape.waiting_hints(), shape.hint_words()));
        parts.extend((0..shape.seats()).map(|index| (shape.seat(index), shape.seat_words())));
        parts.extend((0..shape.numbers).map(|number| (shape.number(number), to_line(77))));
        let mut end = 0;
        for (start, words) in parts {
            assert_eq!(start, end, "no gap and no overlap");
            end = start + words;
        }
        assert_eq!(end, shape.words());
        assert_eq!(seat::PUBLISHED + 1 + seat::PUBLISHED_WORDS, seat::WORDS);
        assert_eq!(shape.slot(shape.slots), shape.seat_words());
    }
}
