//! The board: memory that the supervisor and all its workers share.
//!
//! Every process maps the same memory (`system::shared_memory`). On it stand the counters of each
//! worker number, so that they survive the process that counts; the seat of each process, with its
//! beats, its load and the requests it runs; and bits that say which seats have room or requests
//! waiting. There is no lock: words are atomics, and records of several words have a sequence
//! number (`sequence_lock`).
//!
//! But for the counters, what stands here is a hint. Any process may write anything at any time,
//! also a C extension that runs wild; so whoever reads an index, a length or a text bounds it, and
//! the supervisor acts only on what it knows itself (pids, numbers, states), never on the board's
//! copy.

mod connections;
mod hints;
mod layout;
mod seat;
mod sequence_lock;
mod slot;

use std::io;
use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

pub use hints::Hints;
pub use layout::seat::PUBLISHED_WORDS;
pub use layout::{SLOTS_MAX, Shape};
pub use seat::{Seat, SeatState};
pub use sequence_lock::{Seen, SequencedRecord};
pub use slot::{RequestInProgress, Slot};

use crate::system::atomics::{AtomicU64, Ordering};
use crate::system::shared_memory::SharedMemory;
use layout::{MAGIC, header};

/// What the supervisor as a whole is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Life {
    /// No worker has been ready yet.
    Starting,
    /// Requests are answered.
    Serving,
    /// Everything is stopping.
    Draining,
}

/// The shared memory, as one process sees it.
#[derive(Debug)]
pub struct Board {
    memory: SharedMemory,
    shape: Shape,
}

impl Board {
    /// Creates a board; `folder` is where its file is if there is no unnamed memory.
    ///
    /// # Errors
    /// The memory cannot be had.
    pub fn create(shape: Shape, folder: &Path) -> io::Result<Self> {
        let memory = SharedMemory::create(shape.words(), folder)?;
        let board = Self { memory, shape };
        board.show_shape();
        Ok(board)
    }

    /// Writes how much there is room for: again, if something else has written there.
    pub(crate) fn show_shape(&self) {
        let set = |index: usize, value: usize| {
            self.memory.words()[index].store(value as u64, Ordering::Relaxed);
        };
        set(header::NUMBERS, self.shape.numbers);
        set(header::CELLS, self.shape.cells);
        set(header::SLOTS, self.shape.slots);
        set(header::SEAT_WORDS, self.shape.seat_words());
        self.memory.words()[header::MAGIC].store(MAGIC, Ordering::Release);
    }

    /// Maps the board of the supervisor.
    ///
    /// # Errors
    /// It is no board, or one of another version.
    pub fn attach(file: OwnedFd) -> io::Result<Self> {
        let memory = SharedMemory::attach(file)?;
        let word = |index: usize| {
            memory.words().get(index).map_or(0, |word: &AtomicU64| word.load(Ordering::Acquire))
        };
        let shape = Shape::read(word).filter(|shape| shape.words() <= memory.words().len());
        let shape = shape.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { memory, shape })
    }

    /// What to hand to a worker.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.memory.file()
    }

    /// How much there is room for.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    fn part(&self, start: usize, words: usize) -> &[AtomicU64] {
        &self.memory.words()[start..start + words]
    }

    /// A seat, if there is one of that index.
    pub fn seat(&self, index: usize) -> Option<Seat<'_>> {
        let exists = index < self.shape.seats();
        exists.then(|| {
            let words = self.part(self.shape.seat(index), self.shape.seat_words());
            Seat::new(words, self.shape)
        })
    }

    /// The counters of a number, if there is one.
    pub fn cells(&self, number: usize) -> Option<&[AtomicU64]> {
        Some(&self.memory.words()[self.place_of_cells(number)?])
    }

    fn place_of_cells(&self, number: usize) -> Option<Range<usize>> {
        let start = (number < self.shape.numbers).then(|| self.shape.number(number))?;
        Some(start..start + self.shape.cells)
    }

    /// Open connections of all processes, those on their way from one to another included. May be too
    /// high for a moment, never too low.
    pub fn open_connections(&self) -> u64 {
        let all = (0..self.shape.seats()).filter_map(|index| self.seat(index));
        connections::open(all.filter(|seat| seat.state() != SeatState::Free))
    }

    /// A bit for each seat that has room for a request.
    pub fn room(&self) -> Hints<'_> {
        self.hints(self.shape.room_hints())
    }

    /// A bit for each seat with a waiting request that may move.
    pub fn waiting(&self) -> Hints<'_> {
        self.hints(self.shape.waiting_hints())
    }

    fn hints(&self, start: usize) -> Hints<'_> {
        let seats = self.shape.seats();
        Hints::new(self.part(start, seats.div_ceil(64)), seats)
    }

    /// What the supervisor is doing.
    pub fn life(&self) -> Life {
        match self.memory.words()[header::LIFE].load(Ordering::Acquire) {
            life if life == Life::Starting as u64 => Life::Starting,
            life if life == Life::Serving as u64 => Life::Serving,
            _ => Life::Draining,
        }
    }

    /// Says what the supervisor is doing.
    pub fn set_life(&self, life: Life) {
        self.memory.words()[header::LIFE].store(life as u64, Ordering::Release);
    }
}

/// The place of one worker process: its seat and its number.
#[derive(Clone, Debug)]
pub struct Place {
    board: Arc<Board>,
    seat: usize,
    number: usize,
    /// Where its counters are, which every request needs.
    cells: Range<usize>,
}

impl Place {
    /// The place of a worker, if the board has it.
    pub fn new(board: Arc<Board>, seat: usize, number: usize) -> Option<Self> {
        board.seat(seat)?;
        let cells = board.place_of_cells(number)?;
        Some(Self { board, seat, number, cells })
    }

    /// The board.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// The index of the seat.
    pub fn index(&self) -> usize {
        self.seat
    }

    /// The number of the worker.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The seat.
    pub fn seat(&self) -> Seat<'_> {
        self.board.seat(self.seat).expect("it was there when the place was made")
    }

    /// The counters of the number.
    pub fn cells(&self) -> &[AtomicU64] {
        &self.board.memory.words()[self.cells.clone()]
    }
}

impl AsRef<[AtomicU64]> for Place {
    fn as_ref(&self) -> &[AtomicU64] {
        self.cells()
    }
}

/// Nanoseconds of the monotonic clock that all processes share, for beats and ages on the board.
/// `Instant` is that clock, but tells no number; so each process measures from one it has converted.
pub fn monotonic_ns() -> u64 {
    crate::system::monotonic::now_ns()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator of numbers that look random; the same ones each time.
    fn xorshift(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    fn board() -> Board {
        Board::create(Shape::new(2, 4, 10), &std::env::temp_dir()).unwrap()
    }

    fn attached(board: &Board) -> io::Result<Board> {
        Board::attach(board.file().try_clone_to_owned().unwrap())
    }

    #[test]
    fn a_worker_sees_the_board_that_the_supervisor_made() {
        let ours = board();
        let theirs = attached(&ours).unwrap();
        assert_eq!(theirs.shape(), ours.shape());
        ours.cells(63).unwrap()[9].store(5, Ordering::Relaxed);
        assert_eq!(theirs.cells(63).unwrap()[9].load(Ordering::Relaxed), 5);
        theirs.seat(79).unwrap().set_room(3);
        assert_eq!(ours.seat(79).unwrap().room(), 3);
        ours.set_life(Life::Draining);
        assert_eq!(theirs.life(), Life::Draining);
    }

    #[test]
    fn what_is_not_there_is_none() {
        let board = Arc::new(board());
        assert!(board.seat(80).is_none());
        assert!(board.cells(64).is_none());
        assert!(Place::new(Arc::clone(&board), 80, 0).is_none());
        assert!(Place::new(Arc::clone(&board), 0, 64).is_none());
        assert_eq!(Place::new(board, 79, 63).unwrap().cells().len(), 10);
    }

    #[test]
    fn a_header_that_promises_more_than_there_is_is_refused() {
        for (index, value) in [
            (header::MAGIC, 0),
            (header::NUMBERS, 0),
            (header::NUMBERS, 65),
            (header::NUMBERS, u64::MAX),
            (header::CELLS, 1 << 40),
            (header::SLOTS, 0),
            (header::SLOTS, 5),
            (header::SEAT_WORDS, 1),
        ] {
            let board = board();
            board.memory.words()[index].store(value, Ordering::Relaxed);
            let refused = attached(&board).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{index} {value}");
        }
    }

    #[test]
    fn a_board_whose_header_was_overwritten_can_be_given_to_workers_again() {
        let board = board();
        for word in &board.memory.words()[..16] {
            word.store(u64::MAX, Ordering::Relaxed);
        }
        assert!(attached(&board).is_err());
        board.show_shape();
        assert_eq!(attached(&board).unwrap().shape(), board.shape());
    }

    #[test]
    fn a_board_of_random_bytes_is_read_without_harm() {
        let board = board();
        let mut state = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..20 {
            for word in board.memory.words() {
                word.store(xorshift(&mut state), Ordering::Relaxed);
            }
            assert!(attached(&board).is_err());
            let _ = board.life();
            assert!(board.room().iter().all(|seat| seat < board.shape().seats()));
            assert!(board.waiting().iter().all(|seat| seat < board.shape().seats()));
            for index in 0..board.shape().seats() {
                let seat = board.seat(index).unwrap();
                let _ = (seat.pid(), seat.number(), seat.state(), seat.io_beat(), seat.open());
                let mut published = [0; PUBLISHED_WORDS];
                let _ = seat.published().read(&mut published);
                for slot in seat.slots() {
                    if let Some(request) = slot.read() {
                        assert!(request.method.len() <= 64 && request.path.len() <= 480);
                    }
                }
            }
        }
    }
}
