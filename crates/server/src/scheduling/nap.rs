//! The I/O thread's task while requests wait: sleep, send deferred responses, check for long calls,
//! poll for new input, and repeat until nothing waits.
//!
//! It is an ordinary task, so other tasks that have become ready run between two naps.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use super::deferral::{Deferral, NAP};
use super::elsewhere;
use super::queue::Queue;

/// How often the queue is checked while calls block. The I/O thread does not nap then, because a nap
/// would delay input that waiting threads need, and every thread is woken without it.
const TICK_WHILE_BLOCKING: Duration = Duration::from_millis(10);

/// The maximum time that chunks of a stream wait to be sent together.
const TICK_OF_STREAMS: Duration = Duration::from_millis(1);

/// The maximum duration of a nap while another worker could serve on a core of its own: as long as
/// requests wait for tiny calls.
const NAP_BESIDE_A_FREE_CORE: Duration = elsewhere::WORTH;

/// Runs while the server runs.
pub(crate) async fn run(queue: Arc<Queue>) {
    let deferral = Arc::clone(&queue.deferral);
    loop {
        poll_fn(
            |cx| if deferral.is_attended(cx.waker()) { Poll::Ready(()) } else { Poll::Pending },
        )
        .await;
        queue.wake();
        while keeps_on(&queue, &deferral) {
            let taken = queue.taken();
            if let Some(tick) = tick(&queue) {
                queue.ticking.store(true, Ordering::Relaxed);
                tokio::time::sleep(tick).await;
                queue.ticking.store(false, Ordering::Relaxed);
                deferral.flush(queue.now());
            } else {
                deferral.nap(queue.nap_limit());
                deferral.flush(queue.now());
                tokio::task::yield_now().await;
                queue.wake();
            }
            queue.tick(taken);
            queue.balance();
        }
    }
}

/// The time until the next check, during which other tasks run; `None` to nap instead. A nap is only
/// useful while requests wait for CPU-bound workers. If only chunks of a stream wait to be sent, a
/// nap would delay the requests of all other clients.
pub(crate) fn tick(queue: &Queue) -> Option<Duration> {
    if queue.calls_block() {
        Some(if queue.has_siblings() { elsewhere::TICK } else { TICK_WHILE_BLOCKING })
    } else if queue.len() == 0 {
        Some(TICK_OF_STREAMS)
    } else {
        None
    }
}

/// Whether requests or deferred responses are waiting.
fn keeps_on(queue: &Queue, deferral: &Deferral) -> bool {
    queue.len() > 0 || !deferral.stop_napping()
}

impl Queue {
    /// The maximum duration of a nap, after which a long call is detected.
    fn nap_limit(&self) -> Duration {
        if self.state().another_may_serve() { NAP_BESIDE_A_FREE_CORE } else { NAP }
    }
}
