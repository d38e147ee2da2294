//! Where one worker thread sleeps, and the message it receives when it is woken.

use std::sync::{Condvar, Mutex, PoisonError};

use maitred_http_parser::exchange::Wake;

/// Parks one thread. A wake-up before it sleeps is not lost.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    wake: Mutex<Option<Wake>>,
    woken: Condvar,
}

impl Parker {
    /// Sleeps until [`Parker::unpark`], and returns its argument.
    pub(crate) fn park(&self) -> Wake {
        let mut pending = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match pending.take() {
                Some(wake) => return wake,
                None => pending = self.woken.wait(pending).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The pending argument, without sleeping.
    #[cfg(test)]
    pub(crate) fn pending(&self) -> Option<Wake> {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread, or keeps it from sleeping.
    pub(crate) fn unpark(&self, wake: Wake) {
        *self.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
        self.woken.notify_one();
    }
}
