//! Checks at start whether the process may open as many files as `connection-limit` needs.
//!
//! A connection is an open file. If the system allows fewer files than `connection-limit`, the
//! system's limit applies first, and new clients wait unanswered in the backlog instead of getting
//! a 503.

/// Files besides the connections: listeners, logs, the reactor, and the files of Python and of the
/// application's database clients.
const OTHERS: u64 = 32;

/// Logs one line if `connection-limit` exceeds the number of files.
pub(crate) fn warn_if_few(connection_limit: usize) {
    if let Some(text) = soft_limit().and_then(|files| shortage(connection_limit, files)) {
        tracing::warn!(target: "maitred", "{text}");
    }
}

/// The line, if `files` are too few.
fn shortage(connection_limit: usize, files: u64) -> Option<String> {
    let wanted = u64::try_from(connection_limit).unwrap_or(u64::MAX).saturating_add(OTHERS);
    (wanted > files).then(|| {
        format!(
            "connection-limit is {connection_limit}, but this process may open no more than \
             {files} files, and needs some {OTHERS} for other things: raise `ulimit -n` \
             (LimitNOFILE= in systemd), or lower connection-limit"
        )
    })
}

/// RLIMIT_NOFILE of this process; `None` if there is no limit or it is unknown.
#[cfg(unix)]
fn soft_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it writes into the structure it is given, which is of the type it wants.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0;
    (!failed && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Windows has no limit.
#[cfg(not(unix))]
fn soft_limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_the_system_does_not_allow_is_told_with_both_numbers() {
        let warning = shortage(1000, 1024).unwrap();
        assert!(warning.contains("connection-limit is 1000"), "{warning}");
        assert!(warning.contains("no more than 1024 files"), "{warning}");
    }

    #[test]
    fn a_limit_that_fits_is_not_worth_a_word() {
        assert_eq!(shortage(100, 1024), None);
        assert_eq!(shortage(1000, 1032), None);
        assert!(shortage(1001, 1032).is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_limit_is_the_one_that_the_kernel_tells() {
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let soft = line.split_whitespace().nth(3).unwrap();
        assert_eq!(soft_limit().map(|files| files.to_string()).as_deref(), Some(soft));
    }
}
