//! Histograms of durations: a cell for each bucket, and one for the exact sum.
//!
//! They replace the exporter's histograms, which keep every observation until it is rendered or
//! sorted in: three of those cost 4 % of the instructions of a small request, these a tenth of
//! that, and they allocate no memory per observation.

use std::time::Duration;

use super::cell_block::Block;
use super::families::{Family, Kind};
use super::layout::first_cell;

/// The cells of one series of a histogram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Histogram {
    first: usize,
    /// The upper bounds in microseconds, inclusive.
    bounds: &'static [u64],
}

/// What a histogram has counted.
#[derive(Debug, PartialEq)]
pub(super) struct Observed {
    /// For each upper bound in microseconds, and for none at last, the observations up to there.
    pub(super) up_to: Vec<(Option<u64>, u64)>,
    /// All of them. It is the last of the buckets, so that the two agree in every scrape.
    pub(super) count: u64,
    pub(super) sum: Duration,
}

impl Histogram {
    /// The first series of a family, which must be a histogram.
    pub(super) const fn of(family: &Family) -> Self {
        let Kind::Histogram(bounds) = family.kind else { panic!("the family is no histogram") };
        Self { first: first_cell(family), bounds }
    }

    /// Another series of the same family.
    pub(super) const fn series(self, index: usize) -> Self {
        let cells = self.bounds.len() + 2;
        Self { first: self.first + index * cells, ..self }
    }

    /// Counts one observation.
    pub(super) fn observe(self, cells: Block<'_>, duration: Duration) {
        let ns = super::cells::nanoseconds(duration);
        let bucket = self.bounds.iter().position(|&bound| ns <= bound * 1000);
        cells.add(self.first + bucket.unwrap_or(self.bounds.len()), 1);
        cells.add(self.first + self.bounds.len() + 1, ns);
    }

    /// What has been counted.
    pub(super) fn read(self, cells: Block<'_>) -> Observed {
        let mut count: u64 = 0;
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let buckets = bounds.zip(self.first..).map(|(bound, cell)| {
            count = count.wrapping_add(cells.get(cell)); // as the cells do
            (bound, count)
        });
        let up_to = buckets.collect();
        Observed { up_to, count, sum: cells.duration(self.first + self.bounds.len() + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::cells::Cells;
    use crate::telemetry::families::{QUEUE_WAIT, REQUEST_DURATION};
    use crate::telemetry::layout::cells_per_series;

    fn observed(durations_ms: &[u64]) -> Observed {
        let cells = Cells::on_heap();
        for &ms in durations_ms {
            Histogram::of(&QUEUE_WAIT).observe(cells.block(), Duration::from_millis(ms));
        }
        Histogram::of(&QUEUE_WAIT).read(cells.block())
    }

    #[test]
    fn an_observation_on_a_bound_is_within_its_bucket() {
        let observed = observed(&[5, 6]);
        for expected in [(2_500, 0), (5_000, 1), (10_000, 2)] {
            assert!(observed.up_to.contains(&(Some(expected.0), expected.1)), "{observed:?}");
        }
    }

    #[test]
    fn what_is_above_all_bounds_is_counted_and_summed() {
        let observed = observed(&[40_000, 500]);
        assert_eq!(observed.up_to[observed.up_to.len() - 2..], [(Some(30_000_000), 1), (None, 2)]);
        assert_eq!((observed.count, observed.sum), (2, Duration::from_millis(40_500)));
    }

    #[test]
    fn the_cells_of_a_series_end_where_those_of_the_next_begin() {
        let first = Histogram::of(&REQUEST_DURATION);
        assert_eq!(first.series(1).first, first.first + cells_per_series(&REQUEST_DURATION));
    }
}
