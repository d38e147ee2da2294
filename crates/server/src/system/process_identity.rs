//! Which process a number means: to signal the server that said it, and nobody else.
//!
//! A process number that was read from a page may be of another machine, of another container (there
//! the server is often process 1, which is somebody else here), or given to another process meanwhile.
//! So a server tells where and when it was started, and whoever signals it compares that first, with
//! the process held by a descriptor, so that the number cannot change its meaning in between.

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A process, among all that ever were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its number in its namespace.
    pub pid: u32,
    /// When it was started, in clock ticks since the boot.
    pub started: u64,
    /// The boot of the machine.
    pub boot: String,
    /// The namespace in which it has its number.
    pub namespace: String,
}

/// Why a process was not signalled.
#[derive(Debug, thiserror::Error)]
pub enum NotSignalled {
    /// It runs on another machine, or this one has been started anew.
    #[error("it runs on another machine")]
    OtherMachine,
    /// Its number is of another container.
    #[error("it runs in another container")]
    OtherNamespace,
    /// There is no such process any more.
    #[error("its process {0} has ended")]
    Gone(u32),
    /// This user may not signal it.
    #[error("this user may not signal its process {0}")]
    Denied(u32),
    /// The system cannot tell.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl ProcessIdentity {
    /// This process.
    ///
    /// # Errors
    /// The system does not tell, as where `/proc` is not mounted.
    pub fn own() -> io::Result<Self> {
        let pid = std::process::id();
        let boot = read(Path::new("/proc/sys/kernel/random/boot_id"))?.trim().to_owned();
        let namespace = std::fs::read_link("/proc/self/ns/pid")?.to_string_lossy().into_owned();
        Ok(Self { pid, started: started(pid)?, boot, namespace })
    }

    /// Sends SIGHUP to it.
    ///
    /// # Errors
    /// It is not there, or may not be signalled.
    pub fn hang_up(&self) -> Result<(), NotSignalled> {
        let here = Self::own()?;
        if self.boot != here.boot {
            return Err(NotSignalled::OtherMachine);
        }
        if self.namespace != here.namespace {
            return Err(NotSignalled::OtherNamespace);
        }
        let process = open(self.pid).map_err(|error| self.explain(error))?;
        let has_ended = |_| NotSignalled::Gone(self.pid);
        if started(self.pid).map_err(has_ended)? != self.started {
            return Err(NotSignalled::Gone(self.pid));
        }
        // SAFETY: it takes a descriptor, a number, no information and no flags, and touches no memory.
        let status = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                process.as_raw_fd(),
                libc::SIGHUP,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        match status {
            0 => Ok(()),
            _ => Err(self.explain(io::Error::last_os_error())),
        }
    }

    fn explain(&self, error: io::Error) -> NotSignalled {
        match error.raw_os_error() {
            Some(libc::ESRCH) => NotSignalled::Gone(self.pid),
            Some(libc::EPERM) => NotSignalled::Denied(self.pid),
            _ => error.into(),
        }
    }
}

/// A descriptor of a process.
fn open(pid: u32) -> io::Result<OwnedFd> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: it takes a number and no flags, and returns a new descriptor or -1.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    match i32::try_from(descriptor) {
        // SAFETY: it was just opened, and nobody else has it.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// When a process was started: field 22 of proc_pid_stat(5), behind a name that may have any bytes.
fn started(pid: u32) -> io::Result<u64> {
    let stat = read(Path::new(&format!("/proc/{pid}/stat")))?;
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields);
    let started = fields.and_then(|fields| fields.split(' ').nth(22 - 3)?.parse().ok());
    started.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[expect(clippy::disallowed_methods, reason = "files of the kernel are no settings files")]
fn read(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_another_one_is_not_signalled() {
        let own = ProcessIdentity::own().unwrap();
        let other = ProcessIdentity { boot: "another".into(), ..own.clone() };
        assert!(matches!(other.hang_up(), Err(NotSignalled::OtherMachine)));
        let other = ProcessIdentity { namespace: "pid:[1]".into(), ..own.clone() };
        assert!(matches!(other.hang_up(), Err(NotSignalled::OtherNamespace)));
        let other = ProcessIdentity { started: own.started + 1, ..own.clone() };
        assert!(matches!(other.hang_up(), Err(NotSignalled::Gone(_))));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = ProcessIdentity { pid: child.id(), ..own };
        child.wait().unwrap();
        assert!(matches!(gone.hang_up(), Err(NotSignalled::Gone(_))));
    }

    #[test]
    fn the_process_that_is_meant_is_signalled() {
        use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};

        let mut sleep = std::process::Command::new("sleep");
        // Whoever runs the tests may ignore the signal, as `nohup` does, and children inherit that.
        let with_default = || {
            // SAFETY: async-signal-safe, and nothing else happens between fork and exec.
            unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
            Ok(())
        };
        // SAFETY: as above.
        let mut child = unsafe { sleep.arg("600").pre_exec(with_default) }.spawn().unwrap();
        let own = ProcessIdentity::own().unwrap();
        let started = started(child.id()).unwrap();
        ProcessIdentity { pid: child.id(), started, ..own }.hang_up().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGHUP));
    }
}
