//! What is around the queue in tests: connections and other processes that do nothing by themselves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::elsewhere::Load;
use super::requester::{QueuedRequest, Requester};
use super::siblings::{Destination, Siblings};
use crate::system::mutex::Mutex;
use crate::telemetry::RejectReason;

/// Other processes, of which nothing is asked.
#[derive(Debug, Default)]
pub(super) struct Silent {
    /// How many requests waited, each time the load was shown to them.
    pub(super) shown: Mutex<Vec<usize>>,
}

impl Siblings for Silent {
    fn beat(&self) {}

    fn has_room(&self) -> bool {
        false
    }

    fn unmovable_waited(&self, _: u64) {}

    fn show(&self, load: &Load, _: Option<Instant>, _: Instant) {
        self.shown.lock().push(load.waiting);
    }

    fn on_arrival(&self, _: &Load, _: u8) -> Option<Destination> {
        None
    }

    fn on_tick(&self, _: &Load, _: Duration) -> Option<Destination> {
        None
    }

    fn on_idle(&self, _: &dyn Fn() -> Load) {}

    fn window_ended(&self, _: u32) {}

    fn release(&self, _: Destination) {}
}

/// Nobody waits for these responses.
#[derive(Debug, Default)]
pub(super) struct Nobody {
    /// The request that is being handed over.
    pub(super) moving: Mutex<Option<Box<QueuedRequest>>>,
}

impl Requester for Nobody {
    fn has_left(&self) -> bool {
        false
    }

    fn abandoned(&self) {}

    fn reject_overloaded(&self, _: RejectReason) {}

    fn taken(&self, _: usize, _: Duration, _: Instant) {}

    fn served(&self, _: Duration) {}

    fn time_out(&self, _: usize, _: Instant) {}

    fn requests_wait(&self) {}

    fn flush(&self, _: Instant) {}

    fn hand_over(
        self: Arc<Self>,
        request: Box<QueuedRequest>,
        _: Destination,
    ) -> Result<(), Box<QueuedRequest>> {
        *self.moving.lock() = Some(request);
        Ok(()) // what comes of it is a step of its own
    }
}
