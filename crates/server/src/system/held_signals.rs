//! Holds back the signals that a terminal sends to all processes of a group (SIGINT, SIGHUP) from one that
//! is being started.
//!
//! A program has no handlers when it is executed: until its own are installed, Ctrl-C would end it, or
//! raise an exception wherever it is. The mask of the thread that starts a process is inherited
//! (execve(2)); so these signals are blocked meanwhile, and the new process takes them when it has its
//! handlers.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// The signals.
const HELD: [libc::c_int; 2] = [libc::SIGINT, libc::SIGHUP];

/// They are held back from this thread, and from what it starts, until this is dropped.
#[derive(Debug)]
pub struct HeldSignals {
    before: libc::sigset_t,
    /// The mask is that of one thread.
    _of_this_thread: PhantomData<*const ()>,
}

impl HeldSignals {
    /// Holds them back. Another thread of the process may take them.
    ///
    /// # Errors
    /// The system refuses.
    pub fn hold() -> io::Result<Self> {
        let before = change(libc::SIG_BLOCK, &held())?;
        Ok(Self { before, _of_this_thread: PhantomData })
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        // The mask was valid before.
        let _ = change(libc::SIG_SETMASK, &self.before);
    }
}

/// In the new process: takes those that have come, and all others from now on.
///
/// # Errors
/// The system refuses.
pub fn take() -> io::Result<()> {
    change(libc::SIG_UNBLOCK, &held()).map(drop)
}

fn held() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initializes the whole set, and sigaddset is given signals that exist.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in HELD {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Changes the mask of this thread, and returns what it was.
fn change(how: libc::c_int, set: &libc::sigset_t) -> io::Result<libc::sigset_t> {
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: it reads one set and writes the other, which is initialized if it returns 0.
    match unsafe { libc::pthread_sigmask(how, set, before.as_mut_ptr()) } {
        // SAFETY: as it says.
        0 => Ok(unsafe { before.assume_init() }),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_blocked(signal: libc::c_int) -> bool {
        let nothing = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: a set of zeros is valid, and blocks nothing more.
        let now = change(libc::SIG_BLOCK, unsafe { nothing.assume_init_ref() }).unwrap();
        // SAFETY: it only reads the set.
        unsafe { libc::sigismember(&raw const now, signal) == 1 }
    }

    #[test]
    fn signals_of_a_terminal_are_held_back_and_taken_again() {
        let all = || HELD.map(is_blocked);
        assert_eq!(all(), [false; 2]);
        let held = HeldSignals::hold().unwrap();
        assert_eq!(all(), [true; 2]);
        let inner = HeldSignals::hold().unwrap();
        drop(inner);
        assert_eq!(all(), [true; 2], "as it was before");
        take().unwrap();
        assert_eq!(all(), [false; 2]);
        drop(held);
        assert_eq!(all(), [false; 2]);
    }
}
