//! Metrics that are read at scrape time instead of being counted continuously: the state of the
//! threads, the queue, the connections and the process.
//!
//! The facade's handles count in whole numbers, so fractional seconds and histograms are written
//! here, beside the recorder's output.

use std::fmt::Write as _;
use std::sync::{Arc, PoisonError};

use metrics::Gauge;

use super::event::{Doing, Label, Stream};
use super::families::{self, Family};
use super::metrics::{Metrics, WORKER, seconds};
use super::process::Process;
use super::{Interpreter, Telemetry};
use crate::shared::Shared;
use crate::usage::Usage;

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
    pub(super) fn new(metrics: &Metrics, interpreter: &Interpreter) -> Self {
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
            connections: Doing::ALL
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

/// What all connections are doing, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connections {
    /// Connections in each state, in the order of [`Doing`].
    pub(crate) by_state: [usize; 5],
    /// Requests that have begun and not ended.
    pub(crate) in_progress: usize,
    /// Bytes of request bodies in memory.
    pub(crate) bytes_in: u64,
    /// Bytes of response bodies in memory.
    pub(crate) bytes_out: u64,
    /// Bytes of response bodies in temporary files.
    pub(crate) bytes_out_on_disk: u64,
}

impl Connections {
    /// Asks every connection.
    pub(crate) fn look(shared: &Shared) -> Self {
        let mut sum = Self::default();
        for conn in shared.registry.all() {
            let state = conn.state();
            let doing = state.doing();
            sum.by_state[doing.index()] += 1;
            sum.in_progress += usize::from(doing != Doing::Idle);
            sum.bytes_in += state.body_bytes_in_memory();
            sum.bytes_out += state.outbox.copied_bytes();
            sum.bytes_out_on_disk += state.outbox.spilt_bytes();
        }
        sum
    }

    /// The states by name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        Doing::ALL.iter().map(|doing| (doing.name(), self.by_state[doing.index()]))
    }
}

impl Telemetry {
    /// All metrics, in the Prometheus text format 0.0.4, sorted by name. For a thread of its own:
    /// it asks every connection.
    pub fn scrape(&self) -> String {
        let shared = self.shared();
        let process = (self.read_process)();
        self.set_gauges(shared.as_deref(), &process);
        let mut own = String::new();
        self.write_seconds(&mut own, shared.as_deref(), &process);
        self.metrics.write_histograms(&mut own);
        let rendered = self.metrics.render();
        // The recorder's order is that of a hash map.
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
    fn set_gauges(&self, shared: Option<&Shared>, process: &Process) {
        let gauges = self.gauges();
        gauges.build_info.set(1.0);
        gauges.ready.set(f64::from(u8::from(self.readiness().is_ok())));
        gauges.draining.set(f64::from(u8::from(self.is_draining())));
        gauges.threads_limit.set(self.limits.threads as f64);
        gauges.queue_limit.set(self.limits.queue as f64);
        gauges.connections_limit.set(self.limits.connections as f64);
        gauges.accept_paused.set(f64::from(u8::from(self.pause().is_paused())));
        if let Some(dropped) = self.server_log_dropped {
            self.metrics.log_dropped.of(Stream::Server).absolute(dropped());
        }
        if let Some(shared) = shared {
            let now = shared.clock.instant();
            let usage = shared.queue.usage();
            gauges.threads.set(usage.threads as f64);
            gauges.threads_busy.set(usage.busy as f64);
            gauges.threads_stuck.set(shared.pool.stuck() as f64);
            gauges.queue_requests.set(shared.queue.len() as f64);
            let oldest = shared.queue.oldest().map(|since| now.saturating_duration_since(since));
            gauges.queue_oldest.set(oldest.map_or(0.0, seconds));
            let connections = Connections::look(shared);
            for (gauge, count) in gauges.connections.iter().zip(connections.by_state) {
                gauge.set(count as f64);
            }
            gauges.in_progress.set(connections.in_progress as f64);
            let on_disk = shared.spooling.disk_bytes();
            let [in_memory, in_disk, out_memory, out_disk] = &gauges.spool;
            in_memory.set(connections.bytes_in as f64);
            in_disk.set(on_disk as f64);
            out_memory.set(connections.bytes_out as f64);
            out_disk.set(connections.bytes_out_on_disk as f64);
            for (name, backlog) in shared.backlogs() {
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

    fn write_seconds(&self, out: &mut String, shared: Option<&Shared>, process: &Process) {
        let usage = shared.map(|shared| shared.queue.usage()).unwrap_or_else(|| {
            self.last_usage.lock().map_or_else(|poisoned| *poisoned.into_inner(), |usage| *usage)
        });
        let now = self.clock().instant();
        for (family, value) in [
            (&families::BUSY_SECONDS, Some(seconds(usage.busy_time))),
            (&families::SATURATED_SECONDS, Some(seconds(usage.saturated_time))),
            (&families::ATTACH_SECONDS, Some(seconds(usage.attach_time))),
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

    /// The server that is watched, while it runs.
    pub(super) fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.get()?.upgrade()
    }

    /// The server has ended: what its threads did is kept for the last scrape.
    pub(crate) fn remember(&self, usage: Usage) {
        *self.last_usage.lock().unwrap_or_else(PoisonError::into_inner) = usage;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use maitred_config::Settings;

    use super::*;

    /// How often the system has been asked. Each time more is used than before.
    static READS: AtomicU32 = AtomicU32::new(0);

    fn read() -> Process {
        let reads = READS.fetch_add(1, Ordering::Relaxed) + 1;
        Process {
            cpu_seconds: Some(f64::from(reads)),
            threads: Some(reads.into()),
            ..Process::default()
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
