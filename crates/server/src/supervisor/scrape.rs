//! A scrape of all workers: what they have counted, what they do now, and the supervisor's own
//! metrics.
//!
//! Counters stand on the board. What else a worker shows it publishes each second, and once more when
//! somebody scrapes; one that does not answer soon is shown as it was.

use std::time::Duration;

use super::facts::StartReason;
use super::view::{EXITS, Published, RELOADS, View, WorkerState};
use crate::board::{Board, Seen, monotonic_ns};
use crate::telemetry::exposition::{
    Backlogs, Exposition, Numbers, ShownSeconds, show_seconds, sum,
};
use crate::telemetry::layout::VALUES;
use crate::telemetry::values::Values;
use crate::telemetry::workers::{self, WorkersExposition};

/// How often workers are looked at that were asked, and the pause between two looks: 50 ms in all.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(1);

/// The age of a worker's beat from which it is not waited for.
const BEAT_MAX: Duration = Duration::from_secs(2);

/// All metrics, in the Prometheus text format.
pub(super) fn scrape(view: &View) -> String {
    let View { board, about, .. } = view;
    refresh(view);
    let mut published = view.published();
    let mut numbers = Vec::new();
    for number in 0..published.numbers {
        let values = published.values_of_number(board, number);
        let Some(cells) = view.cells(number) else { continue };
        let shown = published.seconds.entry(number).or_default();
        show_seconds(&cells, &values, shown);
        numbers.push((number.to_string(), cells, values, shown.clone()));
    }
    let mut own = WorkersExposition::default();
    published.write_workers(board, &mut own);
    let backlogs = published.backlogs.clone();
    let interpreter = published.interpreter(about, board);
    drop(published);
    let workers = numbers.iter().map(|(worker, cells, values, seconds)| Numbers {
        worker,
        cells,
        values,
        seconds: Some(seconds),
    });
    let workers: Vec<_> = workers.collect();
    let all = (!about.metrics_by_worker).then(|| sum(&workers));
    let mut all_seconds = ShownSeconds::new();
    for (name, seconds) in numbers.iter().flat_map(|(.., seconds)| seconds) {
        let sum = all_seconds.entry(name).or_default();
        *sum = sum.saturating_add(*seconds);
    }
    let exposition = Exposition {
        interpreter: &interpreter,
        listeners: &about.listeners,
        backlogs: Backlogs { worker: "supervisor", queues: &backlogs },
        workers: &workers,
        sum: all.as_ref().map(|(cells, values)| Numbers {
            worker: "all",
            cells,
            values,
            seconds: Some(&all_seconds),
        }),
    };
    exposition.write() + &own.into_text()
}

/// Asks the workers to show what they do now, and waits a moment for those that live.
fn refresh(view: &View) {
    let Some(supervisor) = view.supervisor.get() else { return };
    let now = monotonic_ns();
    let lives = |beat: u64| Duration::from_nanos(now.saturating_sub(beat)) < BEAT_MAX;
    let published = view.published();
    let ready = published.workers.iter().filter(|worker| worker.state == WorkerState::Ready);
    let asked = ready.filter_map(|worker| {
        let seat = view.board.seat(worker.seat).filter(|seat| lives(seat.io_beat()))?;
        Some((seat.published(), seat.published().version()))
    });
    let mut asked: Vec<_> = asked.collect();
    drop(published);
    supervisor.publish();
    for _ in 0..LOOKS {
        asked.retain(|(record, version)| record.version() < version + 2);
        if asked.is_empty() {
            return;
        }
        std::thread::park_timeout(PAUSE);
    }
}

impl Published {
    /// What a seat has published: its last whole record, if this one is just being written.
    pub(super) fn values_of(&mut self, board: &Board, seat: usize) -> Option<Values> {
        let mut words = [0; VALUES];
        if board.seat(seat)?.published().read(&mut words) == Seen::Whole {
            self.values.insert(seat, Values::from_words(&words));
        }
        self.values.get(&seat).cloned()
    }

    /// What all processes of a number have published.
    pub(super) fn values_of_number(&mut self, board: &Board, number: usize) -> Values {
        let of_number = self.workers.iter().filter(|worker| worker.number == number);
        let seats: Vec<_> = of_number.map(|worker| worker.seat).collect();
        Values::of_all(seats.into_iter().filter_map(|seat| self.values_of(board, seat)))
    }

    /// The metrics of the supervisor itself.
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    fn write_workers(&self, board: &Board, out: &mut WorkersExposition) {
        out.family(&workers::WORKERS);
        for state in WorkerState::ALL {
            let count = self.workers.iter().filter(|worker| worker.state == state).count();
            out.sample(&workers::WORKERS, None, &[state.name()], count as f64);
        }
        out.family(&workers::LIMIT);
        out.sample(&workers::LIMIT, None, &[], self.wanted as f64);
        out.family(&workers::SHORT_SECONDS);
        out.sample(&workers::SHORT_SECONDS, None, &[], self.counts.short.as_secs_f64());
        if let Some(is_preloaded) = self.is_preloaded {
            out.family(&workers::PRELOADED);
            out.sample(&workers::PRELOADED, None, &[], f64::from(u8::from(is_preloaded)));
        }
        let reasons = StartReason::ALL.map(StartReason::name);
        for (family, labels, counts) in [
            (&workers::STARTS, &reasons[..], &self.counts.starts),
            (&workers::EXITS, &EXITS[..], &self.counts.exits),
            (&workers::RELOADS, &RELOADS[..], &self.counts.reloads),
        ] {
            out.family(family);
            for label in labels {
                let count = counts.get(label).copied().unwrap_or(0);
                out.sample(family, None, &[label], count as f64);
            }
        }
        let newest = |number: usize| {
            let of_number = self.workers.iter().filter(move |worker| worker.number == number);
            of_number.max_by_key(|worker| worker.serial)
        };
        out.family(&workers::GENERATION);
        for worker in (0..self.numbers).filter_map(newest) {
            out.sample(&workers::GENERATION, Some(worker.number), &[], worker.serial as f64);
        }
        out.family(&workers::BEAT_AGE);
        let now = monotonic_ns();
        for worker in (0..self.numbers).filter_map(newest) {
            let Some(seat) = board.seat(worker.seat) else { continue };
            for (name, beat) in [("io", seat.io_beat()), ("python", seat.python_beat())] {
                let age = Duration::from_nanos(now.saturating_sub(beat)).as_secs_f64();
                out.sample(&workers::BEAT_AGE, Some(worker.number), &[name], age);
            }
        }
    }
}
