//! Records of several words that one process writes and others read, without a lock.
//!
//! A sequence number before the words is odd while they are written. A reader that finds it odd, or
//! changed, has seen parts of two records and tries again; after [`TRIES`] it says so. It never
//! waits: the writer may have been killed between the two numbers, and whoever reads the records of
//! dead processes must not hang on one. The next writer of the place calls [`SequencedRecord::begin_anew`].
//!
//! The words are atomics, because they are read while they are written. The writer's fence keeps
//! them behind the odd number, the reader's keeps them before its second look at the number.

use crate::system::atomics::{AtomicU64, Ordering, fence};

/// How often a reader tries. A write takes nanoseconds, and follows the last one by microseconds.
const TRIES: usize = 4;

/// What [`SequencedRecord::read`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// One record.
    Whole,
    /// Parts of several: it was being written each time, or its writer died over it.
    Torn,
}

/// A record on the board: the sequence number, and the words.
#[derive(Clone, Copy, Debug)]
pub struct SequencedRecord<'a> {
    sequence: &'a AtomicU64,
    words: &'a [AtomicU64],
}

impl<'a> SequencedRecord<'a> {
    /// The record that these words hold, of which the first is the sequence number. `None` if there
    /// are none.
    pub fn new(place: &'a [AtomicU64]) -> Option<Self> {
        let (sequence, words) = place.split_first()?;
        Some(Self { sequence, words })
    }

    /// Makes the place that of a new process, with a record of zeros: its predecessor may have died
    /// while it wrote.
    pub fn begin_anew(&self) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1) & !1, Ordering::Relaxed);
        self.write_all(std::iter::repeat(&0));
    }

    /// Writes the first words of a record; the others stay as they are. Only one thread of one process
    /// writes at a time.
    pub fn write(&self, values: &[u64]) {
        self.write_all(values);
    }

    fn write_all<'v>(&self, values: impl IntoIterator<Item = &'v u64>) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for (word, value) in self.words.iter().zip(values) {
            word.store(*value, Ordering::Relaxed);
        }
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    /// A number that changes with every record.
    pub fn version(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Reads the record into as many words as `values` has, and says whether it is one. If it is
    /// torn, `values` holds what stands there.
    pub fn read(&self, values: &mut [u64]) -> Seen {
        for _ in 0..TRIES {
            let before = self.sequence.load(Ordering::Acquire);
            for (value, word) in values.iter_mut().zip(self.words) {
                *value = word.load(Ordering::Relaxed);
            }
            fence(Ordering::Acquire);
            let after = self.sequence.load(Ordering::Relaxed);
            if before == after && before & 1 == 0 {
                return Seen::Whole;
            }
            std::hint::spin_loop();
        }
        Seen::Torn
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn place<const N: usize>() -> [AtomicU64; N] {
        std::array::from_fn(|_| AtomicU64::new(0))
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_the_rest_of_its_words_are_left() {
        let place: [_; 5] = place();
        let record = SequencedRecord::new(&place).unwrap();
        record.write(&[1, 2, 3, 4]);
        record.write(&[5, 6]);
        let mut values = [9; 4];
        assert_eq!(record.read(&mut values), Seen::Whole);
        assert_eq!(values, [5, 6, 3, 4]);
    }

    #[test]
    fn a_writer_that_died_over_a_record_stops_no_reader_and_no_successor() {
        let place: [_; 3] = place();
        let record = SequencedRecord::new(&place).unwrap();
        record.write(&[1, 1]);
        place[0].fetch_add(1, Ordering::Relaxed); // it has begun
        place[1].store(2, Ordering::Relaxed); // and was killed
        let mut values = [0; 2];
        assert_eq!(record.read(&mut values), Seen::Torn);
        assert_eq!(values, [2, 1]);
        record.begin_anew();
        assert_eq!(record.read(&mut values), Seen::Whole);
        assert_eq!(values, [0, 0]);
        record.write(&[3, 3]);
        assert_eq!(record.read(&mut values), Seen::Whole);
    }

    /// The stores of [`SequencedRecord::write`] in its order, so that a test can stop between any two.
    fn stores(sequence: u64, values: &[u64]) -> Vec<(usize, u64)> {
        let values = values.iter().enumerate().map(|(index, &value)| (index + 1, value));
        let begins = std::iter::once((0, sequence + 1));
        begins.chain(values).chain([(0, sequence + 2)]).collect()
    }

    #[test]
    fn a_record_that_is_called_whole_is_one_wherever_the_writer_stands() {
        for stopped_after in 0..=5 {
            let place: [_; 4] = place();
            let record = SequencedRecord::new(&place).unwrap();
            record.write(&[1, 1, 1]);
            let sequence = place[0].load(Ordering::Relaxed);
            for (index, value) in stores(sequence, &[2, 2, 2]).into_iter().take(stopped_after) {
                place[index].store(value, Ordering::Relaxed);
            }
            let mut values = [0; 3];
            let is_whole = record.read(&mut values) == Seen::Whole;
            assert_eq!(is_whole, matches!(stopped_after, 0 | 5), "after {stopped_after} steps");
            assert!(!is_whole || values == [1; 3] || values == [2; 3], "{values:?}");
        }
    }

    #[test]
    fn a_reader_beside_a_writer_never_takes_parts_of_two_records_for_one() {
        const RECORDS: u64 = 200_000;
        let place: [_; 9] = place();
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let record = SequencedRecord::new(&place).unwrap();
                for value in 1..=RECORDS {
                    record.write(&[value; 8]);
                }
                is_done.store(true, Ordering::Release);
            });
            let record = SequencedRecord::new(&place).unwrap();
            let mut last = 0;
            while !is_done.load(Ordering::Acquire) {
                let mut values = [0; 8];
                if record.read(&mut values) == Seen::Whole {
                    assert_eq!(values, [values[0]; 8]);
                    assert!(values[0] >= last, "{} after {last}", values[0]);
                    last = values[0];
                }
            }
        });
        let mut values = [0; 8];
        assert_eq!(SequencedRecord::new(&place).unwrap().read(&mut values), Seen::Whole);
        assert_eq!(values, [RECORDS; 8]);
    }
}
