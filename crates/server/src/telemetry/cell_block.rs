//! A block of counters as whoever adds to it, or reads it, sees it.
//!
//! Several processes may add to one cell, the one that is replaced and its successor among them. Additions
//! are atomic and in no order with anything else: none is lost, and whoever reads a cell again never
//! finds less.

use std::time::Duration;

use crate::system::atomics::{AtomicU64, Ordering};

/// The cells of a block.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a>(pub(crate) &'a [AtomicU64]);

impl Block<'_> {
    /// Adds to a cell. It wraps at 2^64, which is a counter reset to whoever reads it.
    pub(crate) fn add(self, cell: usize, count: u64) {
        self.0[cell].fetch_add(count, Ordering::Relaxed);
    }

    /// The number in a cell.
    pub(crate) fn get(self, cell: usize) -> u64 {
        self.0[cell].load(Ordering::Relaxed)
    }

    /// The duration in a cell of nanoseconds, which wrap after 584 years.
    pub(crate) fn duration(self, cell: usize) -> Duration {
        Duration::from_nanos(self.get(cell))
    }
}
