//! The I/O thread's task while requests wait: sleep, send deferred responses, check for long calls,
//! poll for new input, and repeat until nothing waits.
//!
//! It is an ordinary task, so other tasks that have become ready run between two naps.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use super::deferral::Deferral;
use super::queue::Queue;

/// How often the queue is looked at while calls block: a nap would hold up what the threads that
/// wait need, and every thread is woken without it.
const TICK_WHILE_BLOCKING: Duration = Duration::from_millis(10);

/// How long the chunks of a stream wait at most to leave together.
const TICK_OF_STREAMS: Duration = Duration::from_millis(1);

/// Runs for as long as the server does.
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
                deferral.nap();
                deferral.flush(queue.now());
                tokio::task::yield_now().await;
                queue.wake();
            }
            queue.tick(taken);
        }
    }
}

/// How long other tasks go on undisturbed before the next look; `None` if a nap serves better,
/// which it does only while requests wait for workers that compute. Where nothing but the chunks of
/// a stream waits to be sent, a nap would hold up everybody else's next request.
pub(crate) fn tick(queue: &Queue) -> Option<Duration> {
    if queue.calls_block() {
        Some(TICK_WHILE_BLOCKING)
    } else if queue.len() == 0 {
        Some(TICK_OF_STREAMS)
    } else {
        None
    }
}

/// Whether there is a reason to go on: requests wait, or answers do.
fn keeps_on(queue: &Queue, deferral: &Deferral) -> bool {
    queue.len() > 0 || !deferral.retire()
}
