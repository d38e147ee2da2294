//! A mutex whose lock cannot fail.
//!
//! A panic while a lock is held poisons the mutex of std, and every later user would panic in turn. In
//! this server a panic costs one request and not the process: what a lock guards is changed in steps
//! that each leave it valid, so the next user goes on with what is there. Where that is not so, as with
//! the state of one connection, [`Mutex::lock_mending`] says what to do about it.

use std::sync::{self, MutexGuard, PoisonError, WaitTimeoutResult};
use std::time::Duration;

/// A mutex that outlives the panics of those who hold it.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(sync::Mutex::new(value))
    }

    /// Locks.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks. After a panic of a holder, `mend` is called first, each time.
    pub(crate) fn lock_mending(&self, mend: impl FnOnce(&mut T)) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(|poisoned| {
            let mut guard = poisoned.into_inner();
            mend(&mut guard);
            guard
        })
    }
}

/// A condition variable for such a mutex.
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(sync::Condvar::new())
    }

    /// Wakes one waiting thread.
    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all waiting threads.
    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }

    /// Waits to be woken, which may also happen without a reason.
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while `condition` holds, for at most `duration`.
    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, WaitTimeoutResult) {
        let waited = self.0.wait_timeout_while(guard, duration, condition);
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_mutex_outlives_the_panic_of_a_holder() {
        let mutex = Mutex::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut value = mutex.lock();
            *value = 2;
            panic!("a panic that is meant");
        }));
        assert!(panicked.is_err());
        assert_eq!(*mutex.lock(), 2);
        assert_eq!(*mutex.lock_mending(|value| *value = 3), 3);
    }

    #[test]
    fn a_mutex_without_a_panic_is_not_mended() {
        let mutex = Mutex::new(1);
        assert_eq!(*mutex.lock_mending(|value| *value = 3), 1);
    }
}
