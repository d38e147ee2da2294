//! How many files this process may have open (RLIMIT_NOFILE), and how many it has.
//!
//! Most systems start programs with a soft limit of 1024, because select(2) cannot wait for more, and a
//! much higher hard limit. A server that does not use select raises its own ([`raise_file_limit`]), and
//! gives the processes that it forks the old one back: they may use it.

#[cfg(unix)]
use std::sync::OnceLock;
#[cfg(unix)]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(unix)]
use libc::rlim_t;

/// What has become of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileLimit {
    /// It was raised, and forked processes get the old one.
    Raised,
    /// It is as high as it may be, or cannot be changed.
    Unchanged,
}

/// The soft limit that the process was started with; [`UNSET`] if it has not been raised.
#[cfg(unix)]
static ORIGINAL: AtomicU64 = AtomicU64::new(UNSET);

#[cfg(unix)]
const UNSET: u64 = u64::MAX;

/// Raises the soft limit to the hard one. Processes that are forked from now on get the old one back,
/// but not those that are started by vfork(2) or posix_spawn(3), which call no handlers.
#[cfg(unix)]
pub fn raise_file_limit() -> FileLimit {
    let Some(limit) = limit() else { return FileLimit::Unchanged };
    let highest = highest(limit.rlim_max);
    if limit.rlim_cur >= highest || !gives_back() {
        return FileLimit::Unchanged;
    }
    // A forked child that is the server now has the old limit, which stays the old one.
    let old = limit.rlim_cur;
    let _ = ORIGINAL.compare_exchange(UNSET, old, Ordering::Relaxed, Ordering::Relaxed);
    if set_soft_limit(highest, limit.rlim_max) { FileLimit::Raised } else { FileLimit::Unchanged }
}

/// Does nothing: there is no limit.
#[cfg(not(unix))]
pub fn raise_file_limit() -> FileLimit {
    FileLimit::Unchanged
}

/// The highest soft limit below this hard limit.
#[cfg(unix)]
fn highest(hard: rlim_t) -> rlim_t {
    /// OPEN_MAX: above it, setrlimit(2) of macOS fails.
    const APPLE_MAX: rlim_t = 10_240;
    if cfg!(target_vendor = "apple") { hard.min(APPLE_MAX) } else { hard }
}

/// Registers the handler of forks, once in the life of the process. Returns whether it is registered.
#[cfg(unix)]
fn gives_back() -> bool {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    *REGISTERED.get_or_init(|| {
        // SAFETY: the handler lives as long as the program, and makes only two system calls.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) == 0 }
    })
}

/// Runs in a forked child before `fork` returns there.
#[cfg(unix)]
unsafe extern "C" fn in_child() {
    let original = ORIGINAL.load(Ordering::Relaxed);
    if let Some(limit) = limit()
        && original < limit.rlim_cur
    {
        // Where it fails the child has the higher limit, with which most programs work.
        set_soft_limit(original, limit.rlim_max);
    }
}

#[cfg(unix)]
fn limit() -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it writes into the structure it is given, which is of the type it wants.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0;
    (!failed).then_some(limit)
}

#[cfg(unix)]
fn set_soft_limit(soft: rlim_t, hard: rlim_t) -> bool {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: it reads the structure it is given, which is of the type it wants.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0 }
}

/// The soft limit of this process; `None` if there is no limit or it is unknown.
#[cfg(unix)]
pub(crate) fn soft_limit() -> Option<u64> {
    let limit = limit()?.rlim_cur;
    (limit != libc::RLIM_INFINITY).then_some(limit)
}

/// Windows has no limit.
#[cfg(not(unix))]
pub(crate) fn soft_limit() -> Option<u64> {
    None
}

/// How many descriptors this process has open; `None` if the system does not tell.
pub(crate) fn open_files() -> Option<u64> {
    let entries = std::fs::read_dir("/dev/fd").ok()?;
    // Without the descriptor that lists the directory.
    Some((entries.count() as u64).saturating_sub(1))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_one_that_the_kernel_tells() {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let soft = line.split_whitespace().nth(3).unwrap();
        assert_eq!(soft_limit().map(|files| files.to_string()).as_deref(), Some(soft));
    }

    #[test]
    fn open_files_are_counted() {
        let before = open_files().unwrap();
        assert!(before >= 3, "{before}: not even the standard streams");
    }
}
