//! Child processes that were started by somebody else (Python's `subprocess`): signals, their end,
//! and what they have used.

use std::io;
use std::time::Duration;

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Signalled(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "{name}"),
                None => write!(f, "signal {signal}"),
            },
        }
    }
}

/// The signals that end processes, by name; numbers differ between systems.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGHUP => "SIGHUP",
        libc::SIGILL => "SIGILL",
        libc::SIGINT => "SIGINT",
        libc::SIGKILL => "SIGKILL",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGTERM => "SIGTERM",
        _ => return None,
    })
}

/// A process that has ended and is gone now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reaped {
    /// Which one.
    pub pid: u32,
    /// How it ended.
    pub status: ExitStatus,
    /// User and system CPU time that it used in its life.
    pub cpu: Duration,
}

/// Sends a signal to a child that has not been reaped, so that the number is still its own.
///
/// # Errors
/// It may not be signalled.
pub fn signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    if pid <= 1 {
        return Err(io::ErrorKind::InvalidInput.into()); // 0 is a group, and 1 is never a child
    }
    // SAFETY: it touches no memory.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Reaps a child, if it has ended. Never waits.
///
/// # Errors
/// There is no such child; somebody else has reaped it.
pub fn reap(pid: u32) -> io::Result<Option<Reaped>> {
    let number = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut status = 0;
    // SAFETY: an rusage of zeros is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: it writes to the two variables that it is given.
    let reaped = unsafe { libc::wait4(number, &raw mut status, libc::WNOHANG, &raw mut usage) };
    match reaped {
        0 => Ok(None),
        -1 => Err(io::Error::last_os_error()),
        _ => {
            let status = match libc::WIFSIGNALED(status) {
                true => ExitStatus::Signalled(libc::WTERMSIG(status)),
                false => ExitStatus::Exited(libc::WEXITSTATUS(status)),
            };
            let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
            Ok(Some(Reaped { pid, status, cpu }))
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let microseconds = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(microseconds)
}

/// The child that ended first of those that have not been reaped, without reaping it: for process 1
/// of a container, to which orphans come that nobody knows.
pub fn first_ended() -> Option<u32> {
    let mut about = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: it writes to the struct that it is given, which is large enough.
    let found = unsafe { libc::waitid(libc::P_ALL, 0, about.as_mut_ptr(), options) };
    if found != 0 {
        return None; // there are no children
    }
    // SAFETY: the call has succeeded; of the struct of zeros it has written all, or nothing, and
    // then the pid is 0.
    let pid = unsafe { about.assume_init().si_pid() };
    u32::try_from(pid).ok().filter(|&pid| pid != 0)
}

/// Ends this process now, without exit handlers: Python does not come back, or must not run.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: it does not return, and the kernel releases everything.
    unsafe { libc::_exit(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn(script: &str) -> u32 {
        std::process::Command::new("sh").args(["-c", script]).spawn().unwrap().id()
    }

    /// Waits for the end of a child, which is an event that nothing else tells.
    fn ended(pid: u32) -> Reaped {
        loop {
            if let Some(reaped) = reap(pid).unwrap() {
                return reaped;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_child_that_has_ended_is_reaped_with_its_status() {
        let pid = spawn("exit 3");
        let reaped = ended(pid);
        assert_eq!((reaped.pid, reaped.status), (pid, ExitStatus::Exited(3)));
        assert_eq!(reaped.status.to_string(), "exit status 3");
        assert!(reap(pid).is_err(), "it is gone");
    }

    #[test]
    fn a_child_that_runs_is_not_reaped_and_its_signal_is_told() {
        let pid = spawn("exec sleep 600");
        assert_eq!(reap(pid).unwrap(), None);
        signal(pid, libc::SIGKILL).unwrap();
        let status = ended(pid).status;
        assert_eq!((status, &*status.to_string()), (ExitStatus::Signalled(9), "SIGKILL"));
    }

    #[test]
    fn neither_a_group_nor_process_1_is_ever_signalled() {
        for pid in [0, 1, u32::MAX] {
            assert!(signal(pid, 0).is_err());
        }
    }
}
