//! What a scrape reads at its time instead of being counted continuously: the state of the threads,
//! the queue, the connections and the process.

use std::sync::atomic::Ordering;

use super::Telemetry;
use super::counters;
use super::exposition::{Backlogs, Exposition, Numbers};
use super::families;
use super::labels::LogStream;
#[cfg(unix)]
use super::layout::VALUES;
use super::snapshot::{Snapshot, Threads};
use super::totals::Totals;
use super::values::Values;
#[cfg(unix)]
use crate::board::{PUBLISHED_WORDS, SequencedRecord};

impl Telemetry {
    /// All metrics in the Prometheus text format 0.0.4. Call it on a dedicated thread, because it
    /// visits every connection.
    pub fn scrape(&self) -> String {
        let subject = self.subject();
        let threads = subject.as_ref().map(|subject| subject.threads());
        let snapshot = subject.map(|subject| subject.snapshot());
        self.count_dropped_log_records();
        let values = self.values(threads.unwrap_or(*self.last_threads.lock()), snapshot.as_ref());
        let worker = self.worker.to_string();
        let numbers =
            Numbers { worker: &worker, cells: &self.cells, values: &values, seconds: None };
        Exposition {
            interpreter: &self.interpreter(),
            listeners: self.listeners.get().map(Vec::as_slice).unwrap_or_default(),
            backlogs: Backlogs {
                worker: &worker,
                queues: snapshot.as_ref().map(|it| it.backlogs.as_slice()).unwrap_or_default(),
            },
            workers: &[numbers],
            sum: None,
        }
        .write()
    }

    /// What has been counted so far. It visits no connection.
    pub fn totals(&self) -> Totals {
        let mut values = Values::default();
        let subject = self.subject();
        let threads = subject.as_ref().map(|subject| subject.threads());
        values.set_threads(&threads.unwrap_or(*self.last_threads.lock()));
        values.set_count(&families::QUEUE_REQUESTS, subject.map_or(0, |subject| subject.queued()));
        Totals::read(&self.cells, &values)
    }

    /// What a scrape of this process would show besides its cells, for another one to show.
    #[cfg(unix)]
    pub(crate) fn publish(&self, record: SequencedRecord<'_>) {
        const { assert!(VALUES <= PUBLISHED_WORDS) };
        let Some(subject) = self.subject() else { return };
        self.count_dropped_log_records();
        let values = self.values(subject.threads(), Some(&subject.snapshot()));
        record.write(&values.to_words());
    }

    /// Counts the records that the server's log has dropped since the last time.
    fn count_dropped_log_records(&self) {
        let Some(dropped) = self.server_log_dropped else { return };
        let dropped = dropped();
        let counted = self.server_log_dropped_counted.fetch_max(dropped, Ordering::Relaxed);
        let cell = counters::LOG_DROPPED.at(LogStream::Server);
        self.cells.block().add(cell, dropped.saturating_sub(counted));
    }

    fn values(&self, threads: Threads, snapshot: Option<&Snapshot>) -> Values {
        let mut values = Values::default();
        values.set_flag(&families::READY, self.readiness().is_ok());
        values.set_flag(&families::DRAINING, self.is_draining());
        values.set_count(&families::THREADS_LIMIT, self.limits.threads);
        values.set_count(&families::QUEUE_LIMIT, self.limits.queue);
        values.set_count(&families::CONNECTIONS_LIMIT, self.limits().connections);
        {
            let pause = self.pause();
            values.set_flag(&families::ACCEPT_PAUSED, pause.is_paused());
            let paused = pause.total(self.clock.instant());
            values.set_duration(&families::ACCEPT_PAUSED_SECONDS, paused);
        }
        values.set_threads(&threads);
        if let Some(snapshot) = snapshot {
            values.set_snapshot(snapshot);
        }
        values.set_process(&(self.read_process)());
        values
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use maitred_config::Settings;

    use super::*;
    use crate::system::process_usage::ProcessUsage;

    /// How often the system has been queried. Each time more is used than before.
    static READS: AtomicU32 = AtomicU32::new(0);

    fn read() -> ProcessUsage {
        let reads = READS.fetch_add(1, Ordering::Relaxed) + 1;
        ProcessUsage {
            cpu_seconds: Some(f64::from(reads)),
            threads: Some(reads.into()),
            ..ProcessUsage::default()
        }
    }

    #[test]
    fn a_scrape_asks_the_system_once_and_shows_one_moment() {
        let telemetry = Telemetry { read_process: read, ..Telemetry::new(&Settings::default()) };
        for scrapes in 1..=2 {
            let scrape = telemetry.scrape();
            assert_eq!(READS.load(Ordering::Relaxed), scrapes);
            for name in ["process_cpu_seconds_total", "process_threads"] {
                let line = format!("\n{name}{{worker=\"0\"}} {scrapes}\n");
                assert!(scrape.contains(&line), "no {line} in {scrape}");
            }
        }
    }

    #[test]
    fn a_dropped_log_record_is_counted_once_however_many_scrapes_see_it() {
        let telemetry = Telemetry::new(&Settings::default()).with_log_dropped(|| 7);
        for _ in 0..2 {
            let line = "\nmaitred_log_dropped_total{worker=\"0\",stream=\"server\"} 7\n";
            assert!(telemetry.scrape().contains(line));
        }
    }
}
