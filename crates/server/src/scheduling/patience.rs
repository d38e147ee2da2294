//! Workers that wait for the client of a response although they could go on: they do so only while no
//! request waits for a worker, and are told when one does.

use std::sync::Arc;

use super::queue::Queue;
use super::requester::Requester;
use super::standby::QueueState;

/// Whether requests wait for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    Already,
    NotYet,
}

impl Queue {
    /// A worker is about to wait for the client of `requester`, until [`Queue::stop_waiting`]. Returns
    /// whether requests wait for a worker already; if not, `requester` will be told when they do.
    pub(crate) fn wait_for_requests(&self, requester: &Arc<dyn Requester>) -> Waiting {
        let mut state = self.state();
        if state.lacks_workers() {
            return Waiting::Already;
        }
        state.patient.push(Arc::clone(requester));
        Waiting::NotYet
    }

    /// The worker does not wait any more.
    pub(crate) fn stop_waiting(&self, requester: &Arc<dyn Requester>) {
        self.state().patient.retain(|other| !Arc::ptr_eq(other, requester));
    }

    /// Whether requests wait for a worker.
    pub(crate) fn waiting(&self) -> Waiting {
        if self.state().lacks_workers() { Waiting::Already } else { Waiting::NotYet }
    }
}

impl QueueState {
    /// Those who are to be told that requests wait for a worker.
    pub(super) fn patient_workers(&mut self) -> Vec<Arc<dyn Requester>> {
        if self.patient.is_empty() || !self.lacks_workers() {
            return Vec::new();
        }
        std::mem::take(&mut self.patient)
    }

    /// Whether requests wait that no worker could take before the serving ones finish.
    fn lacks_workers(&self) -> bool {
        self.waiting.len() > self.free()
    }
}
