//! The cells in which events are counted: one block of atomic numbers.
//!
//! An event is one relaxed addition to a cell whose index is a constant or a constant plus the index
//! of a label, so a request looks nothing up and allocates nothing. The block is on the heap, or is
//! memory that several processes share: then each adds to the same cells, and what a process has
//! counted stays when it ends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::cell_block::Block;
use super::counters;
use super::families::{self, Kind};
use super::labels::{CloseReason, Method};
use super::layout::{CELLS, first_cell};
use super::values::Values;

/// One block of cells.
#[derive(Clone)]
pub struct Cells(Arc<dyn AsRef<[AtomicU64]> + Send + Sync>);

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells").finish_non_exhaustive()
    }
}

impl Cells {
    /// A block of this process alone, in which nothing has been counted.
    pub fn on_heap() -> Self {
        let block: Box<[AtomicU64]> = (0..CELLS).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(block))
    }

    /// A block that others may share. `None` if it has fewer than [`CELLS`] numbers.
    pub fn shared(block: Arc<dyn AsRef<[AtomicU64]> + Send + Sync>) -> Option<Self> {
        let fits = (*block).as_ref().len() >= CELLS;
        fits.then_some(Self(block))
    }

    /// Adds the seconds that a process had summed up when it ended, so that they stay.
    pub fn settle(&self, last: &Values) {
        let cells = self.block();
        for family in families::ALL.iter().filter(|family| family.kind == Kind::Seconds) {
            let seconds = last.get(family, 0).and_then(|it| Duration::try_from_secs_f64(it).ok());
            cells.add(first_cell(family), seconds.map_or(0, nanoseconds));
        }
    }

    /// Counts what is lost for this reason, so that every connection and every request ends once.
    pub(crate) fn lose(&self, lost: &Lost, why: CloseReason) {
        let cells = self.block();
        cells.add(counters::CLOSED.at(why), lost.connections);
        let count = |method, requests| cells.add(counters::requests(method, LOST_STATUS), requests);
        lost.requests.iter().for_each(|method| count(Method::of(method.as_bytes()), 1));
        count(Method::Other, lost.waiting);
    }

    /// What several have counted together.
    pub(super) fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let sum = Self::on_heap();
        for cells in all {
            for (own, other) in sum.block().0.iter().zip(cells.block().0) {
                own.fetch_add(other.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        sum
    }

    /// The cells. Taken once for several events, because it may have to be computed.
    pub(super) fn block(&self) -> Block<'_> {
        Block((*self.0).as_ref())
    }

    /// Counts one event.
    pub(super) fn count(&self, cell: usize) {
        self.block().add(cell, 1);
    }
}

/// Connections that end although nobody has ended them, and the requests that are not answered for it:
/// those of a process that died, or that were on their way to one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Open connections.
    pub(crate) connections: u64,
    /// The method of each request, where it is known.
    pub(crate) requests: Vec<String>,
    /// Requests of which nothing is known but that they waited for a thread.
    pub(crate) waiting: u64,
}

impl Lost {
    /// Adds what else is lost.
    pub(crate) fn add(&mut self, other: Self) {
        self.connections += other.connections;
        self.requests.extend(other.requests);
        self.waiting += other.waiting;
    }
}

/// The status as which a request counts that is lost.
const LOST_STATUS: u16 = 500;

/// A duration as cells count it.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_shared_keeps_what_an_ended_process_counted() {
        let block: Arc<Vec<AtomicU64>> = Arc::new((0..CELLS).map(|_| AtomicU64::new(0)).collect());
        let ended = Cells::shared(Arc::clone(&block) as _).unwrap();
        ended.count(3);
        drop(ended);
        let successor = Cells::shared(block).unwrap();
        successor.count(3);
        assert_eq!(successor.block().get(3), 2);
    }

    #[test]
    fn the_seconds_of_an_ended_process_stay_unless_they_make_no_sense() {
        let cells = Cells::on_heap();
        let mut last = Values::default();
        last.set(&families::BUSY_SECONDS, 1.5);
        for seconds in [f64::NAN, f64::INFINITY, -1.0] {
            last.set(&families::ATTACH_SECONDS, seconds);
            cells.settle(&last);
        }
        let seconds = |family| cells.block().duration(first_cell(family)).as_secs_f64();
        assert_eq!(seconds(&families::BUSY_SECONDS), 4.5);
        assert_eq!(seconds(&families::ATTACH_SECONDS), 0.0);
    }

    #[test]
    fn what_is_lost_is_counted_as_ended() {
        let cells = Cells::on_heap();
        let mut lost = Lost { connections: 4, requests: vec!["BREW".to_owned()], waiting: 2 };
        lost.add(Lost { connections: 1, requests: vec!["GET".to_owned()], waiting: 0 });
        cells.lose(&lost, CloseReason::WorkerDied);
        let closed = cells.block().get(counters::CLOSED.at(CloseReason::WorkerDied));
        let requests = |method| cells.block().get(counters::requests(method, 500));
        assert_eq!((closed, requests(Method::Get), requests(Method::Other)), (5, 1, 3));
        let both = Cells::sum([&cells, &cells].into_iter());
        assert_eq!(both.block().get(counters::CLOSED.at(CloseReason::WorkerDied)), 10);
    }

    #[test]
    fn a_block_that_is_too_small_is_refused() {
        let block: Vec<AtomicU64> = (1..CELLS).map(|_| AtomicU64::new(0)).collect();
        assert!(Cells::shared(Arc::new(block)).is_none());
    }
}
