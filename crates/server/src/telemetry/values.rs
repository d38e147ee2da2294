//! The values that a scrape reads: every gauge, and the seconds that a running process has summed up.
//!
//! They have a fixed order, so that a process can publish them as plain numbers for another one to
//! show.

use std::time::Duration;

use super::families::{self, Family};
use super::labels::{ConnectionState, Label as _};
use super::layout::{VALUES, first_value, has_values, series};
use super::snapshot::{Snapshot, Threads};
use crate::system::process_usage::ProcessUsage;

/// The values of one process at one moment. Those that the system does not tell are not a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Values([f64; VALUES]);

/// The values of several processes of which the largest counts: flags, ages, and a limit of all
/// together.
const GREATEST: [Family; 6] = [
    families::READY,
    families::DRAINING,
    families::ACCEPT_PAUSED,
    families::QUEUE_OLDEST,
    families::CONNECTIONS_LIMIT,
    families::PROCESS_START,
];

impl Default for Values {
    /// The values where no process runs: nothing is known of one.
    fn default() -> Self {
        let mut values = Self([0.0; VALUES]);
        values.set_process(&ProcessUsage { cpu_seconds: Some(0.0), ..ProcessUsage::default() });
        values
    }
}

impl Values {
    /// As plain numbers, for memory that another process reads.
    pub fn to_words(&self) -> [u64; VALUES] {
        self.0.map(f64::to_bits)
    }

    /// What [`Values::to_words`] made.
    pub fn from_words(words: &[u64; VALUES]) -> Self {
        Self(words.map(f64::from_bits))
    }

    /// Adds the values of another process. What only one of them knows counts alone; of what does not
    /// add up, the larger value counts.
    pub fn add(&mut self, other: &Self) {
        for family in families::ALL.iter().filter(|family| has_values(family)) {
            let adds_up = !GREATEST.contains(family);
            for index in first_value(family)..first_value(family) + series(family) {
                let (own, other) = (self.0[index], other.0[index]);
                self.0[index] = match (own.is_nan(), other.is_nan()) {
                    (_, true) => own,
                    (true, false) => other,
                    (false, false) if adds_up => own + other,
                    (false, false) => own.max(other),
                };
            }
        }
    }

    /// The values of several processes together. What none of them knows is not known.
    pub fn of_all(processes: impl Iterator<Item = Self>) -> Self {
        let sum = processes.reduce(|mut sum, values| {
            sum.add(&values);
            sum
        });
        sum.unwrap_or_default()
    }

    /// The resident memory of the process, if it is known.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was a count of bytes"
    )]
    pub fn resident_bytes(&self) -> Option<u64> {
        self.get(&families::PROCESS_RESIDENT, 0).map(|bytes| bytes as u64)
    }

    /// The value of a series, if it is known.
    pub(super) fn get(&self, family: &Family, series: usize) -> Option<f64> {
        let value = self.0[first_value(family) + series];
        (!value.is_nan()).then_some(value)
    }

    pub(super) fn set(&mut self, family: &Family, value: f64) {
        self.set_series(family, 0, value);
    }

    fn set_series(&mut self, family: &Family, series: usize, value: f64) {
        self.0[first_value(family) + series] = value;
    }

    pub(super) fn set_duration(&mut self, family: &Family, value: Duration) {
        self.set(family, value.as_secs_f64());
    }

    /// A count: exact, because counts are far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    pub(super) fn set_count(&mut self, family: &Family, count: usize) {
        self.set(family, count as f64);
    }

    pub(super) fn set_flag(&mut self, family: &Family, is_so: bool) {
        self.set(family, f64::from(u8::from(is_so)));
    }

    /// The worker threads.
    pub(super) fn set_threads(&mut self, threads: &Threads) {
        self.set_count(&families::THREADS, threads.count);
        self.set_count(&families::THREADS_BUSY, threads.busy);
        self.set_duration(&families::BUSY_SECONDS, threads.busy_time);
        self.set_duration(&families::SATURATED_SECONDS, threads.saturated_time);
        self.set_duration(&families::ATTACH_SECONDS, threads.attach_time);
    }

    /// The queue and the connections.
    pub(super) fn set_snapshot(&mut self, snapshot: &Snapshot) {
        self.set_count(&families::THREADS_STUCK, snapshot.stuck);
        self.set_count(&families::QUEUE_REQUESTS, snapshot.queued);
        self.set_duration(&families::QUEUE_OLDEST, snapshot.oldest.unwrap_or_default());
        self.set_connections(snapshot);
    }

    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    fn set_connections(&mut self, snapshot: &Snapshot) {
        let connections = &snapshot.connections;
        for state in ConnectionState::ALL {
            let count = connections.by_state[state.index()];
            self.set_series(&families::CONNECTIONS, state.index(), count as f64);
        }
        self.set_count(&families::IN_PROGRESS, connections.in_progress);
        // In the order of the labels: in and out, each in memory and on disk.
        let bytes = [
            connections.bytes_in,
            snapshot.bytes_in_on_disk,
            connections.bytes_out,
            snapshot.bytes_out_on_disk,
        ];
        for (series, bytes) in bytes.into_iter().enumerate() {
            self.set_series(&families::SPOOL_BYTES, series, bytes as f64);
        }
    }

    /// The process, as far as the system tells.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    pub(super) fn set_process(&mut self, process: &ProcessUsage) {
        let whole = |value: Option<u64>| value.map_or(f64::NAN, |value| value as f64);
        self.set(&families::PROCESS_CPU, process.cpu_seconds.unwrap_or(f64::NAN));
        self.set(&families::PROCESS_RESIDENT, whole(process.resident_bytes));
        self.set(&families::PROCESS_OPEN_FDS, whole(process.open_fds));
        self.set(&families::PROCESS_MAX_FDS, whole(process.max_fds));
        self.set(&families::PROCESS_THREADS, whole(process.threads));
        self.set(&families::PROCESS_START, process.start_seconds.unwrap_or(f64::NAN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_processes_know_is_added_and_what_one_knows_counts_alone() {
        let (mut old, mut new) = (Values::default(), Values::default());
        old.set(&families::BUSY_SECONDS, 1.5);
        new.set(&families::BUSY_SECONDS, 2.0);
        old.set(&families::PROCESS_RESIDENT, f64::NAN);
        new.set(&families::PROCESS_RESIDENT, 4096.0);
        old.set(&families::PROCESS_CPU, f64::NAN);
        new.set(&families::PROCESS_CPU, f64::NAN);
        old.set(&families::PROCESS_START, 1000.0);
        new.set(&families::PROCESS_START, 2000.0);
        new.add(&old);
        assert_eq!(new.get(&families::PROCESS_START, 0), Some(2000.0));
        assert_eq!(new.get(&families::BUSY_SECONDS, 0), Some(3.5));
        assert_eq!(new.resident_bytes(), Some(4096));
        assert_eq!(new.get(&families::PROCESS_CPU, 0), None);
    }

    #[test]
    fn values_that_were_published_are_read_as_they_were() {
        let mut values = Values::default();
        values.set_count(&families::QUEUE_REQUESTS, 3);
        values.set_process(&ProcessUsage::default());
        let read = Values::from_words(&values.to_words());
        assert_eq!(read.get(&families::QUEUE_REQUESTS, 0), Some(3.0));
        assert_eq!(read.get(&families::PROCESS_CPU, 0), None);
    }

    #[test]
    fn what_no_process_tells_is_not_known_of_all_of_them_either() {
        let mut silent = Values::default();
        silent.set_process(&ProcessUsage::default());
        for processes in 0..3 {
            let all = Values::of_all((0..processes).map(|_| silent.clone()));
            let gauges =
                [&families::PROCESS_MAX_FDS, &families::PROCESS_START, &families::PROCESS_OPEN_FDS];
            for family in gauges {
                assert_eq!(all.get(family, 0), None, "{} of {processes}", family.name);
            }
            // Where no process runs, nothing is added to what the last ones have used.
            let cpu = (processes == 0).then_some(0.0);
            assert_eq!(all.get(&families::PROCESS_CPU, 0), cpu, "{processes}");
        }
    }
}
