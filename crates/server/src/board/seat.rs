//! The seat of one process: who sits there, whether it lives, how busy it is, what it runs.
//!
//! Who writes what: identity, the supervisor; state, the supervisor
//! and the worker; everything else, the worker, but for `sent`, which the workers that hand
//! connections over count.

use super::layout::{SLOT_WORDS, Shape, seat};
use super::sequence_lock::SequencedRecord;
use super::slot::Slot;
use crate::system::atomics::{AtomicU64, Ordering};

/// More messages than any inbox holds: so many connections cannot be on their way to a process.
const UNREAD_MAX: u64 = 4096;

/// What the process of a seat is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum SeatState {
    /// Nobody sits there.
    Free,
    /// It imports the application.
    Starting,
    /// It serves.
    Ready,
    /// It takes nothing new, and finishes what it has.
    Retiring,
}

/// A seat on the board.
#[derive(Clone, Copy, Debug)]
pub struct Seat<'a> {
    words: &'a [AtomicU64],
    shape: Shape,
}

/// Declares how words of a seat are read and set.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $set:ident = $word:expr;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self) -> u64 {
                self.words[$word].load(Ordering::Relaxed)
            }

            /// Sets it.
            pub fn $set(&self, value: u64) {
                self.words[$word].store(value, Ordering::Relaxed);
            }
        )*
    };
}

impl<'a> Seat<'a> {
    pub(super) fn new(words: &'a [AtomicU64], shape: Shape) -> Self {
        Self { words, shape }
    }

    words! {
        /// The process, for people: the supervisor signals only pids that it knows itself.
        pid, set_pid = seat::PID;
        /// Its number.
        number, set_number = seat::NUMBER;
        /// How many processes were started before it.
        generation, set_generation = seat::GENERATION;
        /// When it was started, in monotonic nanoseconds.
        spawned_at, set_spawned_at = seat::SPAWNED_AT;
        /// 1 once its threads share a GIL.
        gil_enabled, set_gil_enabled = seat::GIL_ENABLED;
        /// When its I/O thread last ran, in monotonic nanoseconds.
        io_beat, set_io_beat = seat::IO_BEAT;
        /// When a thread of its last had the interpreter, in monotonic nanoseconds.
        python_beat, set_python_beat = seat::PYTHON_BEAT;
        /// Since when no thread of its can take a request any more, in monotonic nanoseconds; 0 if one
        /// can.
        stuck_since, set_stuck_since = seat::STUCK_SINCE;
        /// How many more requests would start there at once.
        room, set_room = seat::ROOM;
        /// Requests that wait for a thread.
        waiting, set_waiting = seat::WAITING;
        /// When the oldest of them was queued, in monotonic nanoseconds; 0 if none waits.
        oldest, set_oldest = seat::OLDEST;
        /// The average length of a call, in nanoseconds.
        average_call, set_average_call = seat::AVERAGE_CALL;
        /// Of a thousand parts of the last window, those in which short calls kept it busy.
        utilisation, set_utilisation = seat::UTILISATION;
        /// When that window ended, in monotonic nanoseconds.
        utilisation_at, set_utilisation_at = seat::UTILISATION_AT;
        /// In how many nanoseconds one more request would start there.
        expected_start, set_expected_start = seat::EXPECTED_START;
        /// How many more descriptors it may open.
        free_descriptors, set_free_descriptors = seat::FREE_DESCRIPTORS;
        /// Threads that serve a request.
        busy, set_busy = seat::BUSY;
        /// Threads that take requests.
        threads, set_threads = seat::THREADS;
        /// Requests that have ended there.
        requests, set_requests = seat::REQUESTS;
        /// Connections that others have sent to it.
        sent, set_sent = seat::SENT;
        /// Since when it has had some that it has not adopted, in monotonic nanoseconds.
        unread_since, set_unread_since = seat::UNREAD_SINCE;
    }

    /// Open connections.
    pub fn open(&self) -> u64 {
        self.words[seat::OPEN].load(Ordering::Acquire)
    }

    /// Sets it. Whoever sees that a connection is open here no more sees where it was sent before.
    pub fn set_open(&self, value: u64) {
        self.words[seat::OPEN].store(value, Ordering::Release);
    }

    /// Shows how many of the open connections have been sent to other processes, or are just being sent.
    /// Raised before a connection is sent, and lowered after it is shown as open no more.
    pub fn set_departing(&self, value: u64) {
        self.words[seat::DEPARTING].store(value, Ordering::Release);
    }

    /// The open connections that end if the process dies now: not those which it has sent to others and
    /// still shows. May be too low by the one that it is about to send or has just sent, and is never too
    /// high, so that no connection ends both here and where it went.
    pub fn open_and_staying(&self) -> u64 {
        let departing = self.words[seat::DEPARTING].load(Ordering::Acquire);
        self.open().saturating_sub(departing)
    }

    /// Connections that it has adopted.
    pub fn adopted(&self) -> u64 {
        self.words[seat::ADOPTED].load(Ordering::Acquire)
    }

    /// Connections that were sent to it and not adopted yet.
    pub fn unread(&self) -> u64 {
        // A connection is counted as sent before it can be adopted, but the words are read in turn.
        let adopted = self.adopted();
        self.sent().saturating_sub(adopted)
    }

    /// Corrects how many were sent to it, if that cannot be: something else has written there.
    pub fn mend_unread(&self) {
        let adopted = self.adopted();
        if self.sent().checked_sub(adopted).is_none_or(|unread| unread > UNREAD_MAX) {
            self.set_sent(adopted);
        }
    }

    /// Open connections, those that were sent to it and not adopted yet included.
    pub fn open_and_unread(&self) -> u64 {
        self.open().saturating_add(self.unread())
    }

    /// Counts a connection that is sent to it, before it is sent, and before it is shown as open at the
    /// sender no more. Any process may.
    pub fn add_sent(&self, now_ns: u64) {
        if self.unread() == 0 {
            self.set_unread_since(now_ns);
        }
        self.words[seat::SENT].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that it has adopted, after it is shown as open.
    pub fn add_adopted(&self) {
        self.words[seat::ADOPTED].fetch_add(1, Ordering::Release);
    }

    /// Takes that back: it could not be sent, or has gone elsewhere.
    pub fn subtract_sent(&self) {
        let less = |sent: u64| sent.checked_sub(1);
        let _ = self.words[seat::SENT].fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Reserves a place for one request there. Returns whether there was one.
    pub fn reserve(&self) -> bool {
        let room = &self.words[seat::ROOM];
        let less = |room: u64| room.checked_sub(1);
        room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Gives back what was reserved.
    pub fn release(&self) {
        self.words[seat::ROOM].fetch_add(1, Ordering::Relaxed);
    }

    /// What the process is doing.
    pub fn state(&self) -> SeatState {
        match self.words[seat::STATE].load(Ordering::Acquire) {
            state if state == SeatState::Starting as u64 => SeatState::Starting,
            state if state == SeatState::Ready as u64 => SeatState::Ready,
            state if state == SeatState::Retiring as u64 => SeatState::Retiring,
            _ => SeatState::Free,
        }
    }

    /// Says what the process is doing.
    pub fn set_state(&self, state: SeatState) {
        self.words[seat::STATE].store(state as u64, Ordering::Release);
    }

    /// The process serves from now on. Its beats count from here: nobody made them while it started.
    pub fn begin_to_serve(&self, now_ns: u64) {
        self.set_io_beat(now_ns);
        self.set_python_beat(now_ns);
        self.set_state(SeatState::Ready);
    }

    /// The record that telemetry publishes.
    pub fn published(&self) -> SequencedRecord<'a> {
        SequencedRecord::new(&self.words[seat::PUBLISHED..=seat::PUBLISHED + seat::PUBLISHED_WORDS])
            .expect("the record has words")
    }

    /// The place of the request that a thread runs; `None` for threads beyond those that are shown.
    pub fn slot(&self, thread: usize) -> Option<Slot<'a>> {
        let start = self.shape.slot(thread);
        let exists = thread < self.shape.slots;
        let words = exists.then(|| self.words[start..].first_chunk::<SLOT_WORDS>())??;
        Some(Slot::new(words))
    }

    /// All of them.
    pub fn slots(&self) -> impl Iterator<Item = Slot<'a>> + use<'a> {
        let seat = *self;
        (0..self.shape.slots).filter_map(move |thread| seat.slot(thread))
    }

    /// Makes it the seat of a new process, whatever its last one left there.
    pub fn begin_anew(&self, number: usize, generation: u64, now_ns: u64) {
        for word in &self.words[..seat::PUBLISHED] {
            word.store(0, Ordering::Relaxed);
        }
        self.published().begin_anew();
        for slot in self.slots() {
            slot.begin_anew();
        }
        self.set_number(number as u64);
        self.set_generation(generation);
        self.set_spawned_at(now_ns);
        self.set_io_beat(now_ns);
        self.set_python_beat(now_ns);
        self.set_state(SeatState::Starting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_reserved_by_as_many_as_there_is_room_for() {
        let shape = Shape::new(1, 1, 0);
        let words: Vec<_> = (0..shape.seat_words()).map(|_| AtomicU64::new(0)).collect();
        let seat = Seat::new(&words, shape);
        assert!(!seat.reserve());
        seat.set_room(2);
        let all: Vec<_> = (0..3).map(|_| seat.reserve()).collect();
        assert_eq!(all, [true, true, false]);
        assert_eq!(seat.room(), 0);
    }

    #[test]
    fn what_cannot_be_on_its_way_is_corrected_and_what_can_be_stays() {
        let shape = Shape::new(1, 1, 0);
        let words: Vec<_> = (0..shape.seat_words()).map(|_| AtomicU64::new(0)).collect();
        let seat = Seat::new(&words, shape);
        for (sent, adopted, unread) in [(9, 7, 2), (u64::MAX, 7, 0), (5, 7, 0), (7, 7, 0)] {
            seat.set_sent(sent);
            words[seat::ADOPTED].store(adopted, Ordering::Relaxed);
            seat.mend_unread();
            assert_eq!(seat.unread(), unread, "{sent} {adopted}");
        }
    }

    #[test]
    fn a_connection_that_departs_is_lost_with_its_process_at_most_before_it_is_sent() {
        let shape = Shape::new(1, 1, 0);
        let words: Vec<_> = (0..shape.seat_words()).map(|_| AtomicU64::new(0)).collect();
        let seat = Seat::new(&words, shape);
        seat.set_open(2);
        assert_eq!(seat.open_and_staying(), 2);
        seat.set_departing(1);
        assert_eq!((seat.open(), seat.open_and_staying()), (2, 1));
        // Between the two stores that follow, one that stays is taken for the one that has left.
        seat.set_open(1);
        assert_eq!(seat.open_and_staying(), 0);
        seat.set_departing(0);
        assert_eq!(seat.open_and_staying(), 1);
        seat.set_departing(u64::MAX);
        assert_eq!(seat.open_and_staying(), 0, "something else has written there");
    }

    #[test]
    fn a_new_process_finds_nothing_of_its_predecessor() {
        let shape = Shape::new(1, 2, 0);
        let words: Vec<_> = (0..shape.seat_words()).map(|_| AtomicU64::new(u64::MAX)).collect();
        let seat = Seat::new(&words, shape);
        seat.begin_anew(3, 9, 1000);
        assert_eq!((seat.number(), seat.generation(), seat.pid()), (3, 9, 0));
        assert_eq!((seat.room(), seat.open(), seat.sent(), seat.requests()), (0, 0, 0, 0));
        assert_eq!(seat.gil_enabled(), 0);
        seat.set_open(1);
        assert_eq!(seat.open_and_staying(), 1);
        assert_eq!((seat.spawned_at(), seat.io_beat(), seat.python_beat()), (1000, 1000, 1000));
        assert_eq!(seat.state(), SeatState::Starting);
        assert!(seat.slots().all(|slot| slot.read().is_none()));
    }
}
