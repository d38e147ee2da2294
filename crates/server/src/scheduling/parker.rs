//! Where one worker thread sleeps, and the message it receives when it is woken.

use maitred_http_parser::exchange::Wake;

use crate::system::mutex::{Condvar, Mutex};

/// Parks one thread. A wake-up before it sleeps is not lost.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    wake: Mutex<Option<Wake>>,
    woken: Condvar,
}

impl Parker {
    /// Sleeps until [`Parker::unpark`], and returns its argument.
    pub(crate) fn park(&self) -> Wake {
        let mut pending = self.wake.lock();
        loop {
            match pending.take() {
                Some(wake) => return wake,
                None => pending = self.woken.wait(pending),
            }
        }
    }

    /// The pending argument, without sleeping.
    #[cfg(test)]
    pub(crate) fn pending(&self) -> Option<Wake> {
        *self.wake.lock()
    }

    /// Wakes the thread, or keeps it from sleeping.
    pub(crate) fn unpark(&self, wake: Wake) {
        *self.wake.lock() = Some(wake);
        self.woken.notify_one();
    }
}
