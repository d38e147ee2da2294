//! The board, on the heap.

#[path = "../../src/board/connections.rs"]
mod connections;
#[path = "../../src/board/hints.rs"]
mod hints;
#[expect(dead_code, reason = "a board on the heap has no header and no numbers")]
#[path = "../../src/board/layout.rs"]
mod layout;
#[path = "../../src/board/seat.rs"]
mod seat;
#[path = "../../src/board/sequence_lock.rs"]
mod sequence_lock;
#[path = "../../src/board/slot.rs"]
mod slot;

use layout::Shape;

pub use hints::Hints;
pub use seat::{Seat, SeatState};
pub use sequence_lock::{Seen, SequencedRecord};
pub use slot::{RequestInProgress, Slot};

use crate::system::atomics::AtomicU64;

/// Words, all of them 0.
pub fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// The words of some seats with one slot each, and a row of bits.
pub struct Board {
    seats: Vec<Vec<AtomicU64>>,
    hints: Vec<AtomicU64>,
}

impl Board {
    /// A board on which nothing stands.
    pub fn new(seats: usize) -> Self {
        let seats = (0..seats).map(|_| words(shape().seat_words())).collect();
        Self { seats, hints: words(1) }
    }

    /// A seat.
    pub fn seat(&self, index: usize) -> Seat<'_> {
        Seat::new(&self.seats[index], shape())
    }

    /// A bit for each seat.
    pub fn hints(&self) -> Hints<'_> {
        Hints::new(&self.hints, self.seats.len())
    }

    /// Open connections of all processes.
    pub fn open_connections(&self) -> u64 {
        connections::open((0..self.seats.len()).map(|index| self.seat(index)))
    }
}

fn shape() -> Shape {
    Shape { numbers: 1, cells: 0, slots: 1 }
}
