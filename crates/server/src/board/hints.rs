//! A bit for each seat. Bits are hints: they are set and cleared without any order between them and
//! what they tell of, so whoever acts on one looks again at the seat.

use crate::system::atomics::{AtomicU64, Ordering};

/// A row of bits.
#[derive(Clone, Copy, Debug)]
pub struct Hints<'a> {
    words: &'a [AtomicU64],
    seats: usize,
}

impl<'a> Hints<'a> {
    pub(super) fn new(words: &'a [AtomicU64], seats: usize) -> Self {
        Self { words, seats }
    }

    fn place(&self, seat: usize) -> Option<(&'a AtomicU64, u64)> {
        let exists = seat < self.seats;
        exists.then(|| (&self.words[seat / 64], 1 << (seat % 64)))
    }

    /// Sets the bit of a seat, if it is not set.
    pub fn set(&self, seat: usize) {
        if let Some((word, bit)) = self.place(seat)
            && word.load(Ordering::Relaxed) & bit == 0
        {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Clears the bit of a seat, if it is set.
    pub fn clear(&self, seat: usize) {
        if let Some((word, bit)) = self.place(seat)
            && word.load(Ordering::Relaxed) & bit != 0
        {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Whether the bit of a seat is set.
    pub fn is_set(&self, seat: usize) -> bool {
        self.place(seat).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// The seats whose bits are set, each word read once.
    pub fn iter(&self) -> impl Iterator<Item = usize> + use<'a> {
        let seats = self.seats;
        let bits = self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = word.load(Ordering::Relaxed);
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(index * 64 + bit as usize)
            })
        });
        bits.filter(move |&seat| seat < seats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seats_whose_bits_are_set_are_told_in_order() {
        let words = [AtomicU64::new(0), AtomicU64::new(0)];
        let hints = Hints::new(&words, 80);
        for seat in [79, 0, 64, 63] {
            hints.set(seat);
        }
        assert_eq!(hints.iter().collect::<Vec<_>>(), [0, 63, 64, 79]);
        hints.clear(63);
        assert!(!hints.is_set(63) && hints.is_set(64));
        assert_eq!(hints.iter().collect::<Vec<_>>(), [0, 64, 79]);
    }

    #[test]
    fn a_seat_that_does_not_exist_has_no_bit() {
        let words = [AtomicU64::new(0), AtomicU64::new(0)];
        let hints = Hints::new(&words, 80);
        hints.set(80);
        hints.clear(80);
        assert!(!hints.is_set(80));
        words[1].store(u64::MAX, Ordering::Relaxed);
        assert_eq!(hints.iter().last(), Some(79));
    }
}
