//! The metrics that only a supervisor has: how many worker processes there are, and what becomes of
//! them. Every series has the label `worker="supervisor"`, or the number of the worker it is about.

use std::fmt::Write as _;

/// A metric of the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkersFamily {
    /// Its full name.
    pub name: &'static str,
    /// Its type, as Prometheus calls it.
    pub kind: &'static str,
    /// Its labels besides `worker`.
    pub labels: &'static [&'static str],
    /// Its meaning, with the values of its labels.
    pub help: &'static str,
}

/// Declares the families, each as a constant, and [`ALL`] of them in this order.
macro_rules! families {
    ($($id:ident = $name:literal, $kind:literal, [$($label:literal),*], $help:literal;)*) => {
        $(
            pub(crate) const $id: WorkersFamily = WorkersFamily {
                name: $name,
                kind: $kind,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric of the supervisor, in the order of the documentation.
        pub const ALL: &[WorkersFamily] = &[$($id),*];
    };
}

families! {
    WORKERS = "maitred_workers", "gauge", ["state"],
        "Worker processes. state: starting, ready, retiring.";
    LIMIT = "maitred_workers_limit", "gauge", [],
        "Intended number of worker processes: the setting workers.";
    SHORT_SECONDS = "maitred_workers_short_seconds_total", "counter", [],
        "Seconds in which fewer workers than intended were ready, since all were for the first time.";
    PRELOADED = "maitred_workers_preloaded", "gauge", [],
        "Whether there is a process with the imported application, from which workers can be forked. \
         Only with the setting preload.";
    STARTS = "maitred_worker_starts_total", "counter", ["reason"],
        "Started worker processes. reason: start, reload, crash, hung, max_requests, max_rss, scale, \
         asked.";
    EXITS = "maitred_worker_exits_total", "counter", ["how"],
        "Ended worker processes. how: retired if it ended when it was told to, killed by the \
         supervisor, signal and status if it died, start_failed if it was never ready.";
    GENERATION = "maitred_worker_generation", "gauge", [],
        "How many worker processes were started before the newest of this number.";
    BEAT_AGE = "maitred_worker_beat_age_seconds", "gauge", ["beat"],
        "Seconds since a worker last showed that it lives. beat: io for its I/O thread, python for a \
         thread that had the interpreter while requests ran.";
    RELOADS = "maitred_reloads_total", "counter", ["result"],
        "Reloads. result: complete, stopped after a new worker failed, refused.";
}

/// Writes them in the Prometheus text format.
#[derive(Debug, Default)]
pub(crate) struct WorkersExposition(String);

impl WorkersExposition {
    /// Begins a family; its samples follow.
    pub(crate) fn family(&mut self, family: &WorkersFamily) {
        let WorkersFamily { name, kind, help, .. } = family;
        // Writing to a String cannot fail, here and below.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// A sample of a family, about the supervisor or the worker of a number.
    pub(crate) fn sample(
        &mut self,
        family: &WorkersFamily,
        worker: Option<usize>,
        labels: &[&str],
        value: f64,
    ) {
        let worker = worker.map_or("supervisor".to_owned(), |number| number.to_string());
        let _ = write!(self.0, "{}{{worker=\"{worker}\"", family.name);
        for (name, label) in family.labels.iter().zip(labels) {
            let _ = write!(self.0, ",{name}=\"{label}\"");
        }
        let _ = writeln!(self.0, "}} {value}");
    }

    /// The text.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_the_labels_of_its_family() {
        let mut text = WorkersExposition::default();
        text.family(&WORKERS);
        text.sample(&WORKERS, None, &["ready"], 2.0);
        text.family(&BEAT_AGE);
        text.sample(&BEAT_AGE, Some(1), &["io"], 0.5);
        let text = text.into_text();
        assert!(text.contains("\nmaitred_workers{worker=\"supervisor\",state=\"ready\"} 2\n"));
        assert!(text.contains("\nmaitred_worker_beat_age_seconds{worker=\"1\",beat=\"io\"} 0.5\n"));
        assert_eq!(text.matches("# TYPE").count(), 2);
    }
}
