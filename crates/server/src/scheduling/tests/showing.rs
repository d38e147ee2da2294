//! When other processes are shown the load: not at each step while requests wait, and always when none
//! does.

use std::sync::Arc;
use std::time::Duration;

use maitred_http_parser::exchange::Exchanges as _;

use super::neighbours::{Nobody, Silent};
use super::no_reply;
use super::parallelism::Parallelism;
use super::queue::Queue;
use super::requester::{Mobility, Origin, QueuedRequest};
use super::worker_slot::WorkerSlot;
use crate::system::clock::Clock;

#[test]
fn the_load_is_shown_at_the_first_and_the_last_of_many_requests_and_now_and_then_between() {
    let (clock, siblings) = (Arc::new(Clock::standing()), Arc::<Silent>::default());
    let queue = Queue::new(10, Parallelism::WITH_GIL, Arc::clone(&clock), Arc::default());
    let queue = Arc::new(queue.with_siblings(Some(Arc::clone(&siblings) as _)));
    let slot = WorkerSlot::take(&queue, &clock, 0);
    let head = no_reply::head();
    let arrives = || {
        let request = QueuedRequest {
            exchange: no_reply::exchange(&head, clock.instant(), None),
            requester: Arc::<Nobody>::default(),
            mobility: Mobility::Movable { hops: 0 },
            origin: Origin::Here,
        };
        assert!(queue.push(request).is_ok());
    };
    let shown = || std::mem::take(&mut *siblings.shown.lock());
    for _ in 0..3 {
        arrives();
    }
    assert_eq!(shown(), [1]);
    clock.advance(Duration::from_millis(1));
    for _ in 0..2 {
        arrives();
    }
    assert_eq!(shown(), [4]);
    let takes = || drop(slot.try_next());
    takes();
    assert!(shown().is_empty());
    queue.balance();
    assert_eq!(shown(), [4], "the I/O thread looks at what waits");
    for _ in 0..4 {
        takes();
    }
    assert_eq!(shown(), [0]);
    takes();
    assert_eq!(shown(), [0], "nothing runs any more");
}
