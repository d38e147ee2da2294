//! The last ten minutes: what the plots of the live page show, and what has failed.
//!
//! The admin thread takes a sample every other second, whether somebody looks or not: who opens the
//! page when something is wrong wants to see how it began. A sample is the difference of two sums that
//! are counted anyway, and visits no connection.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

use super::report::ServerTotals;
use crate::telemetry::calendar::Utc;
use crate::telemetry::totals::{BUCKETS, DURATIONS, Totals};

/// The time between two samples, in the one-second steps of the admin thread.
pub(super) const STEP_SECONDS: usize = 2;

/// The most samples: ten minutes.
pub(super) const SAMPLES_MAX: usize = 10 * 60 / STEP_SECONDS;

/// The samples over which the numbers of now are averaged, so that they can be read: ten seconds.
const NOW_SAMPLES: usize = 5;

/// The most failures that are told.
const FAILURES_MAX: usize = 20;

/// The last ten minutes.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The last sums, with the time of each; the newest is the last.
    sums: VecDeque<(Instant, Totals)>,
    /// The newest totals, by worker.
    totals: Option<ServerTotals>,
    samples: VecDeque<Sample>,
    failures: VecDeque<Failure>,
}

/// What happened between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Sample {
    pub(super) requests_per_second: f64,
    /// Responses with a status of 5xx.
    pub(super) errors_per_second: f64,
    /// The duration of the median request, if there was one.
    pub(super) p50_seconds: Option<f64>,
    pub(super) p99_seconds: Option<f64>,
    /// The share of the threads' time in which they served.
    pub(super) busy: f64,
    /// The share of time in which every thread was busy.
    pub(super) saturated: f64,
    /// The share of time in which a thread that had work waited for the GIL.
    pub(super) gil_wait: f64,
    /// Requests that waited for a thread at the end.
    pub(super) queued: f64,
}

/// Something that failed, and how often, until it has not for ten minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Failure {
    /// When it was last counted, in RFC 3339.
    pub(super) at: String,
    /// The worker process; `None` for the supervisor.
    pub(super) worker: Option<usize>,
    pub(super) what: String,
    pub(super) count: u64,
    /// The number of the sample in which it last did.
    #[serde(skip)]
    sample: u64,
}

impl History {
    /// Takes a sample. `taken` is how many were taken before.
    pub(super) fn sample(
        &mut self,
        totals: ServerTotals,
        now: Instant,
        wall: SystemTime,
        taken: u64,
    ) {
        if let Some(before) = self.totals.take() {
            self.note_failures(&before, &totals, wall, taken);
        }
        let mut sum = Totals::default();
        for (_, worker) in &totals.workers {
            sum.add(worker);
        }
        let workers = totals.workers.len();
        self.totals = Some(totals);
        if let Some((then, before)) = self.sums.back() {
            self.samples.push_back(Sample::between(before, *then, &sum, now, workers));
        }
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.sums.push_back((now, sum));
        if self.sums.len() > NOW_SAMPLES + 1 {
            self.sums.pop_front();
        }
    }

    fn note_failures(
        &mut self,
        before: &ServerTotals,
        now: &ServerTotals,
        wall: SystemTime,
        sample: u64,
    ) {
        let at = Utc::of(wall).rfc3339();
        let mut noted = Vec::new();
        for (number, totals) in &now.workers {
            // A number that is new has counted from zero.
            let known = before.workers.iter().find(|(known, _)| known == number);
            let since = known.map_or_else(|| totals.clone(), |(_, before)| totals.since(before));
            noted.extend(since.failures().map(|(what, count)| (Some(*number), what, count)));
        }
        for (what, count) in &now.exits {
            let known = before.exits.iter().find(|(known, _)| known == what);
            let count = count.saturating_sub(known.map_or(0, |(_, count)| *count));
            if count > 0 {
                noted.push((None, (*what).to_owned(), count));
            }
        }
        for (worker, what, count) in noted {
            let is_it = |known: &Failure| {
                let goes_on = sample.saturating_sub(known.sample) <= SAMPLES_MAX as u64;
                known.worker == worker && known.what == what && goes_on
            };
            let known = self.failures.iter().position(is_it);
            let before = known.and_then(|place| self.failures.remove(place));
            let count = count.saturating_add(before.map_or(0, |before| before.count));
            self.failures.push_front(Failure { at: at.clone(), worker, what, count, sample });
            self.failures.truncate(FAILURES_MAX);
        }
    }

    /// The samples, the oldest first.
    pub(super) fn samples(&self) -> &VecDeque<Sample> {
        &self.samples
    }

    /// What failed, the newest first.
    pub(super) fn failures(&self) -> &VecDeque<Failure> {
        &self.failures
    }

    /// The last ten seconds.
    pub(super) fn now(&self) -> Sample {
        match (self.sums.front(), self.sums.back()) {
            (Some((then, before)), Some((now, sum))) if then < now => {
                let workers = self.totals.as_ref().map_or(1, |totals| totals.workers.len());
                Sample::between(before, *then, sum, *now, workers)
            }
            _ => Sample::default(),
        }
    }
}

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    fn between(before: &Totals, then: Instant, sum: &Totals, now: Instant, workers: usize) -> Self {
        let seconds =
            now.saturating_duration_since(then).max(Duration::from_millis(1)).as_secs_f64();
        let since = sum.since(before);
        let share = |of: f64, each: f64| (of / (seconds * each.max(1.0))).min(1.0);
        Self {
            requests_per_second: since.requests as f64 / seconds,
            errors_per_second: since.server_errors as f64 / seconds,
            p50_seconds: quantile(&since.durations, 0.5),
            p99_seconds: quantile(&since.durations, 0.99),
            busy: share(since.busy_seconds, since.threads),
            saturated: share(since.saturated_seconds, workers as f64),
            gil_wait: share(since.attach_seconds, workers as f64),
            queued: since.queued,
        }
    }
}

/// A quantile of durations in seconds, interpolated within its bucket as Prometheus does it. `None` if
/// there are no durations. One above all bounds is the highest bound.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
fn quantile(buckets: &[u64; BUCKETS], quantile: f64) -> Option<f64> {
    let all = buckets.iter().copied().fold(0, u64::saturating_add);
    let rank = all as f64 * quantile;
    if rank == 0.0 {
        return None;
    }
    let mut below = 0.0;
    let mut lower = 0.0;
    for (count, bound) in buckets.iter().zip(DURATIONS) {
        let (count, upper) = (*count as f64, *bound as f64 / 1e6);
        if count > 0.0 && below + count >= rank {
            return Some(lower + (upper - lower) * (rank - below) / count);
        }
        below += count;
        lower = upper;
    }
    Some(lower)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "times that only these tests compare")]
mod tests {
    use super::*;

    fn totals(requests: u64) -> Totals {
        let mut totals = Totals::default();
        totals.requests = requests;
        totals.threads = 4.0;
        totals.durations[3] = requests;
        totals
    }

    fn of_worker(totals: Totals) -> ServerTotals {
        ServerTotals { workers: vec![(0, totals)], exits: Vec::new() }
    }

    #[test]
    fn a_sample_is_what_was_counted_in_its_time() {
        let (mut history, began) = (History::default(), Instant::now());
        let two = Duration::from_secs(2);
        history.sample(of_worker(totals(10)), began, SystemTime::UNIX_EPOCH, 0);
        assert!(history.samples().is_empty());
        assert_eq!(history.now(), Sample::default());
        let mut next = totals(30);
        next.busy_seconds = 2.0;
        next.saturated_seconds = 1.0;
        history.sample(of_worker(next), began + two, SystemTime::UNIX_EPOCH, 1);
        let sample = history.samples()[0];
        assert_eq!(sample.requests_per_second, 10.0);
        assert_eq!((sample.busy, sample.saturated), (0.25, 0.5));
        assert_eq!(history.now(), sample);
    }

    #[test]
    fn ten_minutes_are_kept_and_no_more() {
        let (mut history, began) = (History::default(), Instant::now());
        for taken in 0..2 * SAMPLES_MAX as u32 {
            let now = began + Duration::from_secs(2) * taken;
            history.sample(of_worker(totals(0)), now, SystemTime::UNIX_EPOCH, taken.into());
        }
        assert_eq!(history.samples().len(), SAMPLES_MAX);
        assert_eq!(history.sums.len(), NOW_SAMPLES + 1);
    }

    #[test]
    fn what_fails_again_within_ten_minutes_is_one_failure_with_a_greater_count() {
        let (mut history, now) = (History::default(), Instant::now());
        let ten_minutes = SAMPLES_MAX as u64;
        for (taken, died, stood) in
            [(0, 0, 0), (1, 2, 0), (9, 2, 1), (ten_minutes, 3, 1), (3 * ten_minutes, 4, 1)]
        {
            let exits = vec![("it died", died), ("it stood still", stood)];
            let totals = ServerTotals { workers: Vec::new(), exits };
            history.sample(totals, now, SystemTime::UNIX_EPOCH, taken);
        }
        let told = history.failures().iter().map(|failure| (&*failure.what, failure.count));
        let expected = [("it died", 1), ("it died", 3), ("it stood still", 1)];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert_eq!(history.failures()[0].at, "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_quantile_is_interpolated_within_its_bucket() {
        let mut buckets = [0; BUCKETS];
        assert_eq!(quantile(&buckets, 0.5), None);
        buckets[1] = 10;
        let (lower, upper) = (DURATIONS[0] as f64 / 1e6, DURATIONS[1] as f64 / 1e6);
        let median = quantile(&buckets, 0.5).unwrap();
        assert!((median - (lower + upper) / 2.0).abs() < 1e-9, "{median}");
        buckets[BUCKETS - 1] = 1000;
        assert_eq!(quantile(&buckets, 0.99), DURATIONS.last().map(|bound| *bound as f64 / 1e6));
    }
}
