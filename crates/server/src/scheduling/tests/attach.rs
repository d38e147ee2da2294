//! For how long woken workers wait for the interpreter: only a worker that was woken does, and from
//! then on until it asks for a request.

use std::sync::Arc;
use std::time::Duration;

use maitred_http_parser::exchange::Exchanges as _;

use super::parallelism::Parallelism;
use super::queue::Queue;
use super::worker_slot::WorkerSlot;
use crate::system::clock::Clock;

#[test]
fn a_worker_waits_for_the_interpreter_from_when_it_is_woken_until_it_asks() {
    let clock = Arc::new(Clock::standing());
    let queue = Arc::new(Queue::new(10, Parallelism::WITH_GIL, Arc::clone(&clock), Arc::default()));
    let slot = WorkerSlot::take(&queue, &clock, 0);
    let asks = |after: u64| {
        clock.advance(Duration::from_secs(after));
        assert!(slot.try_next().is_none());
        queue.threads().attach_time.as_secs()
    };
    assert_eq!(asks(1), 0);
    slot.unparked();
    assert_eq!(asks(2), 2);
    assert_eq!(asks(4), 2);
}
