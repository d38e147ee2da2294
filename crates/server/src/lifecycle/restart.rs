//! Restarts essential tasks after a panic.
//!
//! A panic ends only its own task, so a panic in the accept loop would leave a running server that
//! accepts no connections. The state of such a task is kept outside it, so its successor continues
//! where it stopped.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// The pause before a restart, so that a task that panics at once does not keep the I/O thread busy.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `task`, and restarts it after each panic, until it returns.
pub(crate) async fn after_panics<F: Future<Output = ()>>(name: &str, task: impl Fn() -> F) {
    loop {
        let mut running = pin!(task());
        let ended =
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
                Ok(polled) => polled.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            });
        if ended.await.is_ok() {
            return;
        }
        tracing::error!(
            target: "maitred",
            "{name} panicked and is restarted; this is a bug in Maitred"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_task_that_panics_is_started_again_until_it_ends() {
        let started = Cell::new(0);
        let task = || async {
            started.set(started.get() + 1);
            tokio::task::yield_now().await;
            assert!(started.get() == 3, "a panic that is meant");
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(after_panics("a test", task));
        assert_eq!(started.get(), 3);
    }
}
