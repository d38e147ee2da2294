//! Makes a wait of a millisecond last a millisecond.
//!
//! On Windows a timed wait ends at a tick of the system timer, which by default comes every 15.6
//! ms: the I/O thread's naps, and with them deferred responses, would last as long. While this
//! value exists, the process requests 1 ms ticks; since Windows 10 2004 that affects only this
//! process. Other systems need nothing.

/// The request for 1 ms ticks, withdrawn when dropped.
#[derive(Debug)]
pub(crate) struct FineTicks {
    #[cfg(windows)]
    granted: bool,
}

impl FineTicks {
    /// Requests ticks of 1 ms. If they are not granted, waits only take longer.
    #[cfg(windows)]
    pub(crate) fn ask() -> Self {
        // SAFETY: it takes a number and returns a number.
        let answer = unsafe { windows_sys::Win32::Media::timeBeginPeriod(TICK_MILLISECONDS) };
        Self { granted: answer == windows_sys::Win32::Media::TIMERR_NOERROR }
    }

    /// Timers are fine already.
    #[cfg(not(windows))]
    pub(crate) fn ask() -> Self {
        Self {}
    }
}

#[cfg(windows)]
const TICK_MILLISECONDS: u32 = 1;

#[cfg(windows)]
impl Drop for FineTicks {
    fn drop(&mut self) {
        if self.granted {
            // SAFETY: it takes a number, the same that was granted.
            unsafe { windows_sys::Win32::Media::timeEndPeriod(TICK_MILLISECONDS) };
        }
    }
}
