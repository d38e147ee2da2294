//! Forks a process that does not become a child of this one.
//!
//! The process is forked twice, and the one between ends at once, so that the nearest process above
//! that takes over orphans (`subreaper.rs`) is the new one's parent, and the only one that reaps it.
//! Nothing of Python runs in the process between. It tells by itself which process it has forked: whoever
//! waits for that learns it also if this process is killed meanwhile.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::child::exit_now;

/// Which of the two processes this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkSide {
    /// The one that has forked the other.
    Original,
    /// The new one.
    New,
}

/// Forks. `announce` is called with the pid of the new process, in the process between: it must not wait
/// for anything that this process holds.
///
/// # Errors
/// There can be no more processes, or no memory for one. Then there is no new one.
pub fn fork(announce: impl FnOnce(u32)) -> io::Result<ForkSide> {
    // SAFETY: the child calls nothing but fork, `announce` and _exit, or is the new process, whose
    // caller knows that it has no other thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => fork_between(announce),
        between => wait_for(between).map(|()| ForkSide::Original),
    }
}

/// In the process between: forks the new one, and ends.
fn fork_between(announce: impl FnOnce(u32)) -> io::Result<ForkSide> {
    // SAFETY: as above.
    match unsafe { libc::fork() } {
        -1 => exit_now(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EAGAIN)),
        0 => Ok(ForkSide::New),
        new => {
            // Unwinding would lead into a copy of the code that has called.
            let announced = catch_unwind(AssertUnwindSafe(|| announce(new.unsigned_abs())));
            exit_now(if announced.is_ok() { 0 } else { libc::EIO })
        }
    }
}

/// Waits for the end of the process between, which has forked the new one then, or exits with the
/// number of its error.
fn wait_for(between: libc::pid_t) -> io::Result<()> {
    let mut status = 0;
    loop {
        // SAFETY: it writes to the variable that it is given.
        if unsafe { libc::waitpid(between, &raw mut status, 0) } == between {
            break;
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::Interrupted => {}
            // The program ignores the ends of its children: the kernel has reaped it.
            _ if error.raw_os_error() == Some(libc::ECHILD) => return Ok(()),
            _ => return Err(error),
        }
    }
    match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
        (true, 0) => Ok(()),
        (true, error) => Err(io::Error::from_raw_os_error(error)),
        (false, _) => Err(io::Error::other("the process was killed while it forked")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn a_detached_process_is_told_of_and_is_no_child_of_the_one_that_forked_it() {
        let (mut read, mut written) = io::pipe().unwrap();
        let mut announced = written.try_clone().unwrap();
        let side = fork(|new| announced.write_all(&new.to_ne_bytes()).unwrap()).unwrap();
        if side == ForkSide::New {
            // SAFETY: it only asks.
            let own = unsafe { libc::getpid() }.unsigned_abs();
            let told = written.write_all(&own.to_ne_bytes());
            exit_now(if told.is_ok() { 0 } else { 1 });
        }
        drop((written, announced));
        let mut pids = Vec::new();
        read.read_to_end(&mut pids).unwrap();
        assert_eq!(pids.len(), 8);
        assert_eq!(pids[..4], pids[4..], "as announced, and as the process knows itself");
        let new = u32::from_ne_bytes(*pids.first_chunk().unwrap());
        let error = crate::system::child::reap(new).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ECHILD));
    }

    #[test]
    fn a_panic_in_the_process_between_ends_it_with_an_error() {
        let panics = |_| {
            std::panic::set_hook(Box::new(|_| {})); // in that process only
            panic!("nobody unwinds into the caller")
        };
        match fork(panics) {
            Ok(ForkSide::New) => exit_now(0),
            result => assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EIO)),
        }
    }
}
