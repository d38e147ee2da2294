//! Where each number stands in memory, which follows from `families` alone.
//!
//! A **cell** counts as events happen: one for each series of a counter, one for each bucket of a
//! histogram and one for its sum, and one for each sum of seconds. Cells may be shared memory, so
//! that what an ended process has counted stays. A **value** is read at a scrape, or published for
//! one: a gauge, or the seconds that a running process has summed up so far.
//!
//! Processes that share cells must agree on where these stand: [`LAYOUT`] tells whether they do.

use super::families::{ALL, Family, Kind, LabelValues};

/// The number of cells.
pub const CELLS: usize = FIRST_CELLS[ALL.len()];

/// The number of values.
pub const VALUES: usize = FIRST_VALUES[ALL.len()];

/// A number that is the same only where every family has the same cells and values.
pub const LAYOUT: u64 = fingerprint();

const FIRST_CELLS: [usize; ALL.len() + 1] = {
    let mut firsts = [0; ALL.len() + 1];
    let mut index = 0;
    while index < ALL.len() {
        firsts[index + 1] = firsts[index] + series(&ALL[index]) * cells_per_series(&ALL[index]);
        index += 1;
    }
    firsts
};

const FIRST_VALUES: [usize; ALL.len() + 1] = {
    let mut firsts = [0; ALL.len() + 1];
    let mut index = 0;
    while index < ALL.len() {
        firsts[index + 1] = firsts[index]
            + match ALL[index].kind {
                Kind::Gauge if is_open(&ALL[index]) => 0,
                Kind::Gauge | Kind::Seconds => series(&ALL[index]),
                Kind::Counter | Kind::Histogram(_) => 0,
            };
        index += 1;
    }
    firsts
};

/// The index of a family's first cell.
pub(super) const fn first_cell(family: &Family) -> usize {
    FIRST_CELLS[family.index]
}

/// The index of a family's first value.
pub(super) const fn first_value(family: &Family) -> usize {
    FIRST_VALUES[family.index]
}

/// The number of series that are reserved for a family: one for each combination of label values.
pub(super) const fn series(family: &Family) -> usize {
    let mut series = 1;
    let mut index = 0;
    while index < family.labels.len() {
        series *= family.labels[index].len();
        index += 1;
    }
    series
}

/// The number of cells of one series.
pub(super) const fn cells_per_series(family: &Family) -> usize {
    match family.kind {
        Kind::Counter | Kind::Seconds => 1,
        Kind::Histogram(bounds) => bounds.len() + 2, // `+Inf`, and the sum
        Kind::Gauge => 0,
    }
}

/// Whether the values of a label are only known at run time.
pub(super) const fn is_open(family: &Family) -> bool {
    let mut index = 0;
    while index < family.labels.len() {
        if matches!(family.labels[index].values, LabelValues::Text | LabelValues::Listeners) {
            return true;
        }
        index += 1;
    }
    false
}

/// Whether a family is read at a scrape, and not counted.
pub(super) fn has_values(family: &Family) -> bool {
    matches!(family.kind, Kind::Gauge | Kind::Seconds) && !is_open(family)
}

/// FNV-1a over everything that the layout depends on.
const fn fingerprint() -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < ALL.len() {
        let family = &ALL[index];
        hash = hashed(hash, family.name.as_bytes());
        hash = hashed(hash, family.kind.name().as_bytes());
        hash = hashed(hash, &cells_per_series(family).to_le_bytes());
        let mut label = 0;
        while label < family.labels.len() {
            hash = hashed(hash, family.labels[label].name.as_bytes());
            hash = hashed(hash, &family.labels[label].len().to_le_bytes());
            if let LabelValues::Closed(names) = family.labels[label].values {
                let mut name = 0;
                while name < names.len() {
                    hash = hashed(hash, names[name].as_bytes());
                    name += 1;
                }
            }
            label += 1;
        }
        if let Kind::Histogram(bounds) = family.kind {
            let mut bound = 0;
            while bound < bounds.len() {
                hash = hashed(hash, &bounds[bound].to_le_bytes());
                bound += 1;
            }
        }
        index += 1;
    }
    hash
}

const fn hashed(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    (hash ^ 0xff).wrapping_mul(0x0000_0100_0000_01b3) // no two lists of texts run together
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_cells_of_its_own_and_every_gauge_a_value() {
        let (mut cells, mut values) = (0, 0);
        for family in ALL {
            assert_eq!((first_cell(family), first_value(family)), (cells, values), "{family:?}");
            cells += series(family) * cells_per_series(family);
            match family.kind {
                Kind::Gauge if !is_open(family) => values += series(family),
                Kind::Seconds => values += 1,
                Kind::Gauge | Kind::Counter | Kind::Histogram(_) => {}
            }
        }
        assert_eq!((CELLS, VALUES), (cells, values));
    }

    #[test]
    fn seconds_have_no_labels_and_only_gauges_have_free_text() {
        for family in ALL {
            let has_text = family.labels.iter().any(|label| label.values == LabelValues::Text);
            match family.kind {
                Kind::Seconds => assert!(family.labels.is_empty(), "{}", family.name),
                Kind::Counter | Kind::Histogram(_) => assert!(!has_text, "{}", family.name),
                Kind::Gauge => {}
            }
        }
    }
}
