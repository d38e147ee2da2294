//! Where one worker thread sleeps, and the message it receives when it is woken.

use std::sync::{Condvar, Mutex, PoisonError};

use maitred_http_parser::exchange::Wake;

/// Parks one thread. A wake-up before it sleeps is not lost.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    told: Mutex<Option<Wake>>,
    woken: Condvar,
}

impl Parker {
    /// Sleeps until [`Parker::unpark`], and returns its argument.
    pub(crate) fn park(&self) -> Wake {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match told.take() {
                Some(wake) => return wake,
                None => told = self.woken.wait(told).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// The pending argument, without sleeping.
    #[cfg(test)]
    pub(crate) fn told(&self) -> Option<Wake> {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread, or keeps it from sleeping.
    pub(crate) fn unpark(&self, wake: Wake) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
        self.woken.notify_one();
    }
}
