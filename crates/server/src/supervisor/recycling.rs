//! Which workers have served for long enough: `max-requests` and `max-rss`.
//!
//! Each process has a threshold of its own, so that workers that were started together are not
//! replaced together.

use std::hash::{BuildHasher as _, RandomState};

use super::facts::{Fact, Headroom, StartReason};
use super::memory_limit::MemoryLimit;
use super::run::Supervisor;
use super::workers::WorkerProcesses;
use crate::system::process_usage;

/// The settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recycling {
    /// Requests that a process serves; 0 for any number. It is a lower bound: requests that arrive
    /// while the successor starts are served, too.
    pub max_requests: u64,
    /// The most that is added to it, at random.
    pub jitter: u64,
    /// Bytes of resident memory that a process may have; 0 for any number.
    pub max_rss: u64,
}

/// What one process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    requests: Option<u64>,
    rss: Option<u64>,
}

impl Recycling {
    /// The resident memory of this process, if it is more than any may have: it would be replaced as soon
    /// as it was ready, and its successors, too.
    pub fn outgrown(&self) -> Option<u64> {
        let resident = process_usage::read().resident_bytes?;
        (self.max_rss > 0 && resident > self.max_rss).then_some(resident)
    }

    /// The threshold of one process.
    pub fn threshold(&self) -> Threshold {
        // Seeded by the system, so that it differs between processes and restarts.
        let random = RandomState::new().hash_one(0u64);
        self.threshold_with(random)
    }

    fn threshold_with(&self, random: u64) -> Threshold {
        let jitter = random.checked_rem(self.jitter.saturating_add(1)).unwrap_or(random);
        let requests = (self.max_requests > 0).then(|| self.max_requests.saturating_add(jitter));
        Threshold { requests, rss: (self.max_rss > 0).then_some(self.max_rss) }
    }
}

impl Threshold {
    /// Whether a process has reached it.
    pub fn reached(&self, requests: u64, rss: u64) -> Option<StartReason> {
        if self.requests.is_some_and(|limit| requests >= limit) {
            Some(StartReason::MaxRequests)
        } else if self.rss.is_some_and(|limit| rss > limit) {
            Some(StartReason::MaxRss)
        } else {
            None
        }
    }
}

impl Supervisor {
    /// Asks for successors of workers that have served for long enough, and looks whether there is
    /// memory for one more process.
    pub(super) fn recycle(&mut self, processes: &mut dyn WorkerProcesses) {
        let mut facts = Vec::new();
        for (&serial, worker) in &self.workers {
            let Some(seat) = self.board.seat(worker.seat) else { continue };
            let resident = self.view.resident_bytes(worker.seat);
            // Who was asked to end and could not be replaced yet is remembered here.
            let asked = worker.is_asked_to_end.then_some(StartReason::Asked);
            let reason = asked.or_else(|| worker.threshold.reached(seat.requests(), resident));
            facts.extend(reason.map(|reason| Fact::Replace(serial, reason)));
        }
        self.look_for_headroom();
        for fact in facts {
            self.tell_fleet(fact, processes);
        }
    }

    /// Looks whether memory has room for one more process.
    pub(super) fn look_for_headroom(&mut self) {
        let sizes = self.workers.values().map(|it| self.view.resident_bytes(it.seat));
        let largest = sizes.max().unwrap_or(0);
        self.fleet.set_headroom(Headroom::of(MemoryLimit::least_free(), largest));
    }

    /// Tells that the process of a number is replaced, if it is because it has served for long enough.
    pub(super) fn tell_recycled(&self, number: usize, reason: StartReason) {
        let setting = match reason {
            StartReason::MaxRequests => "max-requests",
            StartReason::MaxRss => "max-rss",
            _ => return,
        };
        // It is not there if memory had no room for both.
        let old = self.workers.values().find(|worker| worker.number == number);
        let seat = old.and_then(|old| self.board.seat(old.seat));
        tracing::info!(
            target: "maitred",
            worker = number,
            pid = old.and_then(|old| old.pid),
            requests = seat.map(|seat| seat.requests()),
            resident_bytes = old.map(|old| self.view.resident_bytes(old.seat)),
            "a worker is replaced: `{setting}`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_replaced_at_its_own_number_of_requests() {
        let recycling = Recycling { max_requests: 100, jitter: 10, max_rss: 0 };
        for (random, limit) in [(0, 100), (10, 110), (11, 100), (u64::MAX, 104)] {
            let threshold = recycling.threshold_with(random);
            assert_eq!(threshold.reached(limit - 1, u64::MAX), None, "{random}");
            assert_eq!(threshold.reached(limit, 0), Some(StartReason::MaxRequests), "{random}");
        }
    }

    #[test]
    fn a_process_that_has_grown_is_replaced() {
        let threshold = Recycling { max_rss: 1 << 30, ..Recycling::default() }.threshold();
        assert_eq!(threshold.reached(u64::MAX, 1 << 30), None);
        assert_eq!(threshold.reached(0, (1 << 30) + 1), Some(StartReason::MaxRss));
    }

    #[test]
    fn a_process_that_has_more_than_any_may_have_has_outgrown_the_limit() {
        let recycling = |max_rss| Recycling { max_rss, ..Recycling::default() };
        assert_eq!(recycling(0).outgrown(), None);
        assert_eq!(recycling(u64::MAX).outgrown(), None);
        let is_known = process_usage::read().resident_bytes.is_some();
        assert_eq!(recycling(1).outgrown().is_some(), is_known);
    }

    #[test]
    fn without_a_limit_nobody_is_replaced_and_no_limit_overflows() {
        assert_eq!(Recycling::default().threshold().reached(u64::MAX, u64::MAX), None);
        let largest = Recycling { max_requests: u64::MAX, jitter: u64::MAX, max_rss: 0 };
        assert_eq!(largest.threshold_with(5).reached(u64::MAX - 1, 0), None);
    }
}
