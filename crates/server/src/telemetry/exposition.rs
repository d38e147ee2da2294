//! Writes what has been counted and read in the Prometheus text format 0.0.4.
//!
//! Counters and gauges are read into a recorder of the exporter, which writes them. It is made for
//! one scrape, so a series is shown only for as long as there is something to show. The recorder's
//! handles can neither hold fractions of seconds that only grow nor be set to what a histogram has
//! counted, so those families are written here, whole, behind the others.

use std::fmt::Write as _;

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
}

/// What a scrape shows.
#[derive(Clone, Copy, Debug)]
pub struct Exposition<'a> {
    /// The interpreter that runs the application.
    pub interpreter: &'a Interpreter,
    /// The names of the listeners.
    pub listeners: &'a [String],
    /// The accept queues of the listening sockets, by name, where the system tells.
    pub(crate) backlogs: &'a [(String, AcceptQueue)],
    /// Each worker.
    pub workers: &'a [Numbers<'a>],
}

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

    fn record_counters(&self, recorder: &PrometheusRecorder, family: &Family) {
        recorder.describe_counter(family.name.into(), None, family.help.into());
        for numbers in self.workers {
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
        for numbers in self.workers {
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
                set(text_labels(numbers, family, &texts), 1.0);
            } else {
                for (listener, backlog) in self.backlogs {
                    let is_limit = *family == families::BACKLOG_LIMIT;
                    let value = if is_limit { backlog.limit } else { backlog.waiting };
                    set(text_labels(numbers, family, &[listener]), f64::from(value));
                }
            }
        }
    }

    fn write_seconds(&self, out: &mut String, family: &Family) {
        let all = self.workers.iter().filter_map(|numbers| {
            let ended = numbers.cells.block().duration(first_cell(family)).as_secs_f64();
            Some((numbers.worker, ended + numbers.values.get(family, 0)?))
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
        for numbers in self.workers {
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
        let mut labels = vec![worker(numbers)];
        for (label, index) in split(family, index) {
            labels.push(Pair::new(label.name, label.value(index, self.listeners)?.into_owned()));
        }
        Some(labels)
    }
}

const METADATA: Metadata<'_> = Metadata::new("maitred", Level::INFO, None);

fn worker(numbers: &Numbers<'_>) -> Pair {
    Pair::new("worker", numbers.worker.to_owned())
}

/// The labels of a series whose values are texts.
fn text_labels(numbers: &Numbers<'_>, family: &Family, texts: &[&str]) -> Vec<Pair> {
    let pairs = family.labels.iter().zip(texts);
    let pairs = pairs.map(|(label, text)| Pair::new(label.name, (*text).to_owned()));
    std::iter::once(worker(numbers)).chain(pairs).collect()
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
        counters::QUEUE_WAIT.observe(second.block(), std::time::Duration::from_secs(2));
        let seconds = |seconds| {
            let mut values = Values::default();
            values.set(&families::BUSY_SECONDS, seconds);
            values
        };
        second.settle(&seconds(4.0)); // of a process that has ended
        let busy = seconds(1.5);
        let workers = [
            Numbers { worker: "0", cells: &first, values: &Values::default() },
            Numbers { worker: "1", cells: &second, values: &busy },
        ];
        let (interpreter, backlogs) = (&Interpreter::default(), &[]);
        let listeners = &["127.0.0.1:80".to_owned()];
        let text = Exposition { interpreter, listeners, backlogs, workers: &workers }.write();
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
        ] {
            assert_eq!(text.lines().filter(|written| *written == line).count(), 1, "{line}");
        }
        for family in families::ALL {
            let kinds = format!("# TYPE {} ", family.name);
            assert!(text.matches(&kinds).count() <= 1, "{} stands twice", family.name);
        }
    }

    #[test]
    fn a_rare_status_is_shown_from_its_first_use() {
        let cells = Cells::on_heap();
        let text = |cells: &Cells| {
            let workers = [Numbers { worker: "0", cells, values: &Values::default() }];
            let interpreter = &Interpreter::default();
            Exposition { interpreter, listeners: &[], backlogs: &[], workers: &workers }.write()
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
