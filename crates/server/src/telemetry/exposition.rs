//! Writes what has been counted and read in the Prometheus text format 0.0.4.
//!
//! Counters and gauges are read into a recorder of the exporter, which writes them. It is made for
//! one scrape, so a series is shown only for as long as there is something to show. The recorder's
//! handles can neither hold fractions of seconds that only grow nor be set to what a histogram has
//! counted, so those families are written here, whole, behind the others.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use metrics::{Key, Label as Pair, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

use super::Interpreter;
use super::cells::Cells;
use super::families::{self, Family, Kind, LabelSet, seconds};
use super::histogram::Histogram;
use super::layout::{first_cell, is_open, series};
use super::values::Values;
use crate::system::tcp_info::AcceptQueue;

/// What one worker number has counted, and what is read of its process.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    /// The label `worker`.
    pub worker: &'a str,
    /// What it has counted.
    pub cells: &'a Cells,
    /// Gauges, and the seconds that its running process has not added to its cells.
    pub values: &'a Values,
    /// What is shown of families of seconds instead of their sums, where those could go back.
    pub(crate) seconds: Option<&'a ShownSeconds>,
}

/// The seconds of each family, by its name.
pub(crate) type ShownSeconds = BTreeMap<&'static str, Duration>;

/// The seconds of a family: those of ended processes, and of the one that runs, if they are known.
/// Whole nanoseconds are added, so that the sum stays the same when one ends.
fn seconds_of(cells: &Cells, values: &Values, family: &Family) -> Option<Duration> {
    let running = Duration::try_from_secs_f64(values.get(family, 0)?).unwrap_or_default();
    Some(cells.block().duration(first_cell(family)).saturating_add(running))
}

/// Shows the seconds of a number in `shown`, where each is as large as it ever was: the sum of two
/// processes is rounded otherwise than that of one.
pub(crate) fn show_seconds(cells: &Cells, values: &Values, shown: &mut ShownSeconds) {
    for family in families::ALL.iter().filter(|family| family.kind == Kind::Seconds) {
        if let Some(seconds) = seconds_of(cells, values, family) {
            let before = shown.entry(family.name).or_default();
            *before = seconds.max(*before);
        }
    }
}

/// What a scrape shows.
#[derive(Clone, Copy, Debug)]
pub struct Exposition<'a> {
    /// The interpreter that runs the application.
    pub interpreter: &'a Interpreter,
    /// The names of the listeners.
    pub listeners: &'a [String],
    /// The accept queues of the listening sockets, where the system tells.
    pub(crate) backlogs: Backlogs<'a>,
    /// Each worker.
    pub workers: &'a [Numbers<'a>],
    /// Their sum, which stands for each of them where there are many; but for [`BY_WORKER`].
    pub(crate) sum: Option<Numbers<'a>>,
}

/// The accept queues of the listening sockets, by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backlogs<'a> {
    /// The label `worker` of the process that has bound them.
    pub(crate) worker: &'a str,
    pub(crate) queues: &'a [(String, AcceptQueue)],
}

/// The families that have a series for each worker however many there are.
const BY_WORKER: [Family; 5] = [
    families::THREADS,
    families::THREADS_LIMIT,
    families::THREADS_BUSY,
    families::THREADS_STUCK,
    families::CONNECTIONS,
];

impl Exposition<'_> {
    /// All of it, as text. Each family stands once, with the series of every worker.
    pub fn write(&self) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        let mut own = String::new();
        for family in families::ALL {
            match family.kind {
                Kind::Counter => self.record_counters(&recorder, family),
                Kind::Gauge => self.record_gauges(&recorder, family),
                Kind::Seconds => self.write_seconds(&mut own, family),
                Kind::Histogram(_) => self.write_histograms(&mut own, family),
            }
        }
        recorder.handle().render() + &own
    }

    /// The numbers that have series of a family.
    fn numbers_of(&self, family: &Family) -> &[Numbers<'_>] {
        match &self.sum {
            Some(sum) if !BY_WORKER.contains(family) => std::slice::from_ref(sum),
            Some(_) | None => self.workers,
        }
    }

    fn record_counters(&self, recorder: &PrometheusRecorder, family: &Family) {
        recorder.describe_counter(family.name.into(), None, family.help.into());
        for numbers in self.numbers_of(family) {
            for index in 0..series(family) {
                let count = numbers.cells.block().get(first_cell(family) + index);
                if count == 0 && !exists_from_start(family, index) {
                    continue;
                }
                let Some(labels) = self.labels(numbers, family, index) else { continue };
                let key = Key::from_parts(family.name, labels);
                recorder.register_counter(&key, &METADATA).absolute(count);
            }
        }
    }

    fn record_gauges(&self, recorder: &PrometheusRecorder, family: &Family) {
        recorder.describe_gauge(family.name.into(), None, family.help.into());
        let set = |labels, value| {
            let key = Key::from_parts(family.name, labels);
            recorder.register_gauge(&key, &METADATA).set(value);
        };
        for numbers in self.numbers_of(family) {
            if !is_open(family) {
                for index in 0..series(family) {
                    let value = numbers.values.get(family, index);
                    let labels = self.labels(numbers, family, index);
                    if let (Some(labels), Some(value)) = (labels, value) {
                        set(labels, value);
                    }
                }
            } else if *family == families::BUILD_INFO {
                let Interpreter { version, implementation, gil } = self.interpreter;
                let texts = [env!("CARGO_PKG_VERSION"), version, implementation, gil];
                set(text_labels(numbers.worker, family, &texts), 1.0);
            }
        }
        if [families::BACKLOG, families::BACKLOG_LIMIT].contains(family) {
            for (listener, backlog) in self.backlogs.queues {
                let is_limit = *family == families::BACKLOG_LIMIT;
                let value = if is_limit { backlog.limit } else { backlog.waiting };
                let labels = text_labels(self.backlogs.worker, family, &[listener]);
                set(labels, f64::from(value));
            }
        }
    }

    fn write_seconds(&self, out: &mut String, family: &Family) {
        let all = self.numbers_of(family).iter().filter_map(|numbers| {
            let Numbers { worker, cells, values, seconds } = numbers;
            let shown = match seconds {
                Some(shown) => *shown.get(family.name)?,
                None => seconds_of(cells, values, family)?,
            };
            Some((worker, shown.as_secs_f64()))
        });
        let mut all = all.peekable();
        if all.peek().is_none() {
            return;
        }
        begin(out, family);
        for (worker, seconds) in all {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(out, "{}{{worker=\"{worker}\"}} {seconds}", family.name);
        }
        out.push('\n');
    }

    fn write_histograms(&self, out: &mut String, family: &Family) {
        begin(out, family);
        let name = family.name;
        for numbers in self.numbers_of(family) {
            for index in 0..series(family) {
                let Some(pairs) = self.labels(numbers, family, index) else { continue };
                let mut labels = String::new();
                for pair in &pairs {
                    let _ = write!(labels, "{}=\"{}\",", pair.key(), pair.value());
                }
                let observed = Histogram::of(family).series(index).read(numbers.cells.block());
                for (bound, count) in observed.up_to {
                    let bound = bound.map_or("+Inf".into(), |bound| seconds(bound).to_string());
                    let _ = writeln!(out, "{name}_bucket{{{labels}le=\"{bound}\"}} {count}");
                }
                labels.pop();
                let (sum, count) = (observed.sum.as_secs_f64(), observed.count);
                let _ = writeln!(out, "{name}_sum{{{labels}}} {sum}");
                let _ = writeln!(out, "{name}_count{{{labels}}} {count}");
            }
        }
        out.push('\n');
    }

    /// The labels of a series, if it exists.
    fn labels(&self, numbers: &Numbers<'_>, family: &Family, index: usize) -> Option<Vec<Pair>> {
        let mut labels = vec![worker(numbers.worker)];
        for (label, index) in split(family, index) {
            labels.push(Pair::new(label.name, label.value(index, self.listeners)?.into_owned()));
        }
        Some(labels)
    }
}

/// What several workers have counted and are doing together.
pub(crate) fn sum(workers: &[Numbers<'_>]) -> (Cells, Values) {
    let values = Values::of_all(workers.iter().map(|numbers| numbers.values.clone()));
    (Cells::sum(workers.iter().map(|numbers| numbers.cells)), values)
}

const METADATA: Metadata<'_> = Metadata::new("maitred", Level::INFO, None);

fn worker(worker: &str) -> Pair {
    Pair::new("worker", worker.to_owned())
}

/// The labels of a series whose values are texts.
fn text_labels(number: &str, family: &Family, texts: &[&str]) -> Vec<Pair> {
    let pairs = family.labels.iter().zip(texts);
    let pairs = pairs.map(|(label, text)| Pair::new(label.name, (*text).to_owned()));
    std::iter::once(worker(number)).chain(pairs).collect()
}

/// Whether a series is shown although nothing has been counted.
fn exists_from_start(family: &Family, index: usize) -> bool {
    split(family, index).all(|(label, index)| label.exists_from_start(index))
}

/// The labels of a family, each with the index of its value in the series of that index.
fn split(family: &Family, index: usize) -> impl Iterator<Item = (&'static LabelSet, usize)> {
    let mut stride = series(family);
    let mut rest = index;
    family.labels.iter().map(move |label| {
        stride /= label.len().max(1);
        let value = rest / stride.max(1);
        rest %= stride.max(1);
        (label, value)
    })
}

/// Writes the lines before the series of a family.
fn begin(out: &mut String, family: &Family) {
    let Family { name, help, kind, .. } = family;
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.name());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::counters;
    use crate::telemetry::labels::{CloseReason, Method};

    #[test]
    fn every_worker_has_its_series_in_the_one_place_of_a_family() {
        let (first, second) = (Cells::on_heap(), Cells::on_heap());
        first.count(counters::requests(Method::Get, 200));
        second.count(counters::CLOSED.at(CloseReason::Drain));
        counters::QUEUE_WAIT.observe(second.block(), Duration::from_secs(2));
        let seconds = |seconds| {
            let mut values = Values::default();
            values.set(&families::BUSY_SECONDS, seconds);
            values
        };
        second.settle(&seconds(4.0)); // of a process that has ended
        let busy = seconds(1.5);
        let workers = [
            Numbers { worker: "0", cells: &first, values: &Values::default(), seconds: None },
            Numbers { worker: "1", cells: &second, values: &busy, seconds: None },
        ];
        let interpreter = &Interpreter::default();
        let listeners = &["127.0.0.1:80".to_owned()];
        let queues = [("127.0.0.1:80".to_owned(), AcceptQueue { waiting: 3, limit: 128 })];
        let backlogs = Backlogs { worker: "supervisor", queues: &queues };
        let shown = Exposition { interpreter, listeners, backlogs, workers: &workers, sum: None };
        let text = shown.write();
        for line in [
            "maitred_requests_total{worker=\"0\",method=\"GET\",code=\"200\"} 1",
            "maitred_requests_total{worker=\"1\",method=\"GET\",code=\"200\"} 0",
            "maitred_connections_closed_total{worker=\"0\",reason=\"drain\"} 0",
            "maitred_connections_closed_total{worker=\"1\",reason=\"drain\"} 1",
            "maitred_connections_accepted_total{worker=\"1\",listener=\"127.0.0.1:80\"} 0",
            "maitred_queue_wait_seconds_bucket{worker=\"1\",le=\"1\"} 0",
            "maitred_queue_wait_seconds_bucket{worker=\"1\",le=\"2.5\"} 1",
            "maitred_queue_wait_seconds_sum{worker=\"1\"} 2",
            "maitred_queue_wait_seconds_count{worker=\"0\"} 0",
            "maitred_threads_busy_seconds_total{worker=\"0\"} 0",
            "maitred_threads_busy_seconds_total{worker=\"1\"} 5.5",
            "maitred_listen_backlog_connections{worker=\"supervisor\",listener=\"127.0.0.1:80\"} 3",
        ] {
            assert_eq!(text.lines().filter(|written| *written == line).count(), 1, "{line}");
        }
        for family in families::ALL {
            let kinds = format!("# TYPE {} ", family.name);
            assert!(text.matches(&kinds).count() <= 1, "{} stands twice", family.name);
        }
    }

    #[test]
    fn a_sum_stands_for_the_series_of_each_worker_but_for_threads_and_connections() {
        let (first, second) = (Cells::on_heap(), Cells::on_heap());
        first.count(counters::requests(Method::Get, 200));
        second.count(counters::requests(Method::Get, 200));
        let mut values = Values::default();
        values.set(&families::THREADS, 4.0);
        values.set(&families::QUEUE_REQUESTS, 2.0);
        let workers = [("0", &first), ("1", &second)].map(|(worker, cells)| Numbers {
            worker,
            cells,
            values: &values,
            seconds: None,
        });
        let (cells, sum_of_values) = sum(&workers);
        let sum =
            Some(Numbers { worker: "all", cells: &cells, values: &sum_of_values, seconds: None });
        let interpreter = &Interpreter::default();
        let backlogs = Backlogs { worker: "supervisor", queues: &[] };
        let shown = Exposition { interpreter, listeners: &[], backlogs, workers: &workers, sum };
        let text = shown.write();
        for line in [
            "maitred_requests_total{worker=\"all\",method=\"GET\",code=\"200\"} 2",
            "maitred_queue_requests{worker=\"all\"} 4",
            "maitred_threads{worker=\"0\"} 4",
            "maitred_threads{worker=\"1\"} 4",
        ] {
            assert_eq!(text.lines().filter(|written| *written == line).count(), 1, "{line}");
        }
        assert!(!text.contains("maitred_requests_total{worker=\"0\""), "{text}");
    }

    #[test]
    fn seconds_never_go_back_when_a_process_ends_or_a_sum_is_rounded() {
        let cells = Cells::on_heap();
        let mut shown = ShownSeconds::new();
        let values = |seconds| {
            let mut values = Values::default();
            values.set(&families::PROCESS_CPU, seconds);
            values
        };
        // 0.1 + 0.2 is more than 0.3.
        let mut both = values(0.1);
        both.add(&values(0.2));
        show_seconds(&cells, &both, &mut shown);
        let before = shown[families::PROCESS_CPU.name];
        cells.settle(&values(0.1));
        for (seconds, expected) in [(0.2, before), (0.1, before), (0.4, before * 5 / 3)] {
            show_seconds(&cells, &values(seconds), &mut shown);
            assert_eq!(shown[families::PROCESS_CPU.name], expected, "{seconds}");
        }
        assert_eq!(before, Duration::from_millis(300));
    }

    #[test]
    fn a_rare_status_is_shown_from_its_first_use() {
        let cells = Cells::on_heap();
        let text = |cells: &Cells| {
            let values = &Values::default();
            let workers = [Numbers { worker: "0", cells, values, seconds: None }];
            let interpreter = &Interpreter::default();
            let backlogs = Backlogs { worker: "0", queues: &[] };
            Exposition { interpreter, listeners: &[], backlogs, workers: &workers, sum: None }
                .write()
        };
        let series = |code| format!("{{worker=\"0\",method=\"PUT\",code=\"{code}\"}} ");
        assert!(!text(&cells).contains(&series("418")));
        cells.count(counters::requests(Method::Put, 418));
        cells.count(counters::requests(Method::Put, 999));
        let text = text(&cells);
        assert!(text.contains(&(series("418") + "1\n")), "{text}");
        assert!(text.contains(&(series("other") + "1\n")), "{text}");
    }
}
