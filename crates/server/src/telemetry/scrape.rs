//! Counters that are read at scrape time instead of being counted continuously: the state of the
//! threads, the queue, the connections and the process.
//!
//! The facade's handles count in whole numbers, so fractional seconds and histograms are written
//! here, beside the recorder's output.

use std::fmt::Write as _;

use metrics::Gauge;

use super::counters::{Counters, seconds};
use super::families::{self, Family, WORKER};
use super::labels::{ConnectionState, Label, LogStream};
use super::snapshot::{Snapshot, Threads};
use super::{Interpreter, Telemetry};
use crate::system::process_usage::ProcessUsage;

/// The gauges that a scrape sets.
pub(super) struct Gauges {
    build_info: Gauge,
    ready: Gauge,
    draining: Gauge,
    threads: Gauge,
    threads_limit: Gauge,
    threads_busy: Gauge,
    threads_stuck: Gauge,
    queue_requests: Gauge,
    queue_limit: Gauge,
    queue_oldest: Gauge,
    in_progress: Gauge,
    connections: Vec<Gauge>,
    connections_limit: Gauge,
    accept_paused: Gauge,
    spool: [Gauge; 4],
    resident: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    process_threads: Gauge,
    process_start: Gauge,
}

impl std::fmt::Debug for Gauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gauges").finish_non_exhaustive()
    }
}

impl Gauges {
    pub(super) fn new(metrics: &Counters, interpreter: &Interpreter) -> Self {
        let one = |family: &Family| metrics.gauge(family, &[]);
        let spool =
            |direction, storage| metrics.gauge(&families::SPOOL_BYTES, &[direction, storage]);
        Self {
            build_info: metrics.gauge(
                &families::BUILD_INFO,
                &[
                    env!("CARGO_PKG_VERSION"),
                    &interpreter.version,
                    &interpreter.implementation,
                    &interpreter.gil,
                ],
            ),
            ready: one(&families::READY),
            draining: one(&families::DRAINING),
            threads: one(&families::THREADS),
            threads_limit: one(&families::THREADS_LIMIT),
            threads_busy: one(&families::THREADS_BUSY),
            threads_stuck: one(&families::THREADS_STUCK),
            queue_requests: one(&families::QUEUE_REQUESTS),
            queue_limit: one(&families::QUEUE_LIMIT),
            queue_oldest: one(&families::QUEUE_OLDEST),
            in_progress: one(&families::IN_PROGRESS),
            connections: ConnectionState::ALL
                .iter()
                .map(|doing| metrics.gauge(&families::CONNECTIONS, &[doing.name()]))
                .collect(),
            connections_limit: one(&families::CONNECTIONS_LIMIT),
            accept_paused: one(&families::ACCEPT_PAUSED),
            spool: [
                spool("in", "memory"),
                spool("in", "disk"),
                spool("out", "memory"),
                spool("out", "disk"),
            ],
            resident: one(&families::PROCESS_RESIDENT),
            open_fds: one(&families::PROCESS_OPEN_FDS),
            max_fds: one(&families::PROCESS_MAX_FDS),
            process_threads: one(&families::PROCESS_THREADS),
            process_start: one(&families::PROCESS_START),
        }
    }
}

impl Telemetry {
    /// All metrics in the Prometheus text format 0.0.4, sorted by name. Call it on a dedicated thread,
    /// because it visits every connection.
    pub fn scrape(&self) -> String {
        let subject = self.subject();
        let threads = subject.as_ref().map(|subject| subject.threads());
        let process = (self.read_process)();
        self.set_gauges(threads, subject.map(|subject| subject.snapshot()), &process);
        let mut own = String::new();
        self.write_seconds(&mut own, threads.unwrap_or(*self.last_threads()), &process);
        self.metrics.write_histograms(&mut own);
        let rendered = self.metrics.render();
        // The recorder renders in the order of a hash map.
        let mut families: Vec<_> = rendered
            .split("\n\n")
            .chain(own.split("\n\n"))
            .map(str::trim_end)
            .filter(|family| !family.is_empty())
            .collect();
        families.sort_unstable();
        families.join("\n") + "\n"
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floats, and counts far below 2^53")]
    fn set_gauges(
        &self,
        threads: Option<Threads>,
        snapshot: Option<Snapshot>,
        process: &ProcessUsage,
    ) {
        let gauges = self.gauges();
        gauges.build_info.set(1.0);
        gauges.ready.set(f64::from(u8::from(self.readiness().is_ok())));
        gauges.draining.set(f64::from(u8::from(self.is_draining())));
        gauges.threads_limit.set(self.limits.threads as f64);
        gauges.queue_limit.set(self.limits.queue as f64);
        gauges.connections_limit.set(self.limits.connections as f64);
        gauges.accept_paused.set(f64::from(u8::from(self.pause().is_paused())));
        if let Some(dropped) = self.server_log_dropped {
            self.metrics.log_dropped.of(LogStream::Server).absolute(dropped());
        }
        if let Some(threads) = threads {
            gauges.threads.set(threads.count as f64);
            gauges.threads_busy.set(threads.busy as f64);
        }
        if let Some(snapshot) = snapshot {
            gauges.threads_stuck.set(snapshot.stuck as f64);
            gauges.queue_requests.set(snapshot.queued as f64);
            gauges.queue_oldest.set(snapshot.oldest.map_or(0.0, seconds));
            let connections = snapshot.connections;
            for (gauge, count) in gauges.connections.iter().zip(connections.by_state) {
                gauge.set(count as f64);
            }
            gauges.in_progress.set(connections.in_progress as f64);
            let [in_memory, in_disk, out_memory, out_disk] = &gauges.spool;
            in_memory.set(connections.bytes_in as f64);
            in_disk.set(snapshot.bytes_in_on_disk as f64);
            out_memory.set(connections.bytes_out as f64);
            out_disk.set(connections.bytes_out_on_disk as f64);
            for (name, backlog) in snapshot.backlogs {
                let set = |family, value: u32| {
                    self.metrics.gauge(family, &[&name]).set(f64::from(value));
                };
                set(&families::BACKLOG, backlog.waiting);
                set(&families::BACKLOG_LIMIT, backlog.limit);
            }
        }
        let whole = |gauge: &Gauge, value: Option<u64>| {
            if let Some(value) = value {
                gauge.set(value as f64);
            }
        };
        whole(&gauges.resident, process.resident_bytes);
        whole(&gauges.open_fds, process.open_fds);
        whole(&gauges.max_fds, process.max_fds);
        whole(&gauges.process_threads, process.threads);
        if let Some(start) = process.start_seconds {
            gauges.process_start.set(start);
        }
    }

    fn write_seconds(&self, out: &mut String, threads: Threads, process: &ProcessUsage) {
        let now = self.clock().instant();
        for (family, value) in [
            (&families::BUSY_SECONDS, Some(seconds(threads.busy_time))),
            (&families::SATURATED_SECONDS, Some(seconds(threads.saturated_time))),
            (&families::ATTACH_SECONDS, Some(seconds(threads.attach_time))),
            (&families::ACCEPT_PAUSED_SECONDS, Some(seconds(self.pause().total(now)))),
            (&families::PROCESS_CPU, process.cpu_seconds),
        ] {
            let Family { name, help, .. } = family;
            let Some(value) = value else { continue };
            // Writing to a String cannot fail.
            let _ = write!(
                out,
                "# HELP {name} {help}\n# TYPE {name} counter\n\
                 {name}{{worker=\"{WORKER}\"}} {value}\n\n"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use maitred_config::Settings;

    use super::*;

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
}
