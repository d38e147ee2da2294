//! The standard `process_*` metrics of Prometheus clients: from /proc on Linux, from system calls
//! on Windows, none elsewhere.

#[cfg(target_os = "linux")]
use super::spare_descriptors;

/// The values; `None` if the system does not provide one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ProcessUsage {
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) resident_bytes: Option<u64>,
    pub(crate) open_fds: Option<u64>,
    pub(crate) max_fds: Option<u64>,
    pub(crate) threads: Option<u64>,
    pub(crate) start_seconds: Option<f64>,
}

#[cfg(windows)]
pub(crate) use super::process_usage_windows::read;

#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) fn read() -> ProcessUsage {
    ProcessUsage::default()
}

/// Reads /proc/self, also when the process has no descriptor left for it.
#[cfg(target_os = "linux")]
pub(crate) fn read() -> ProcessUsage {
    let proc = std::path::Path::new("/proc");
    let whole = || Some(read_in(proc)).filter(|process| process.open_fds.is_some());
    spare_descriptors::read_with_one(whole).unwrap_or_else(|| read_in(proc))
}

/// Reads a proc(5) mounted at this path.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "files of the kernel are no settings")]
fn read_in(proc: &std::path::Path) -> ProcessUsage {
    let text = |path: &str| std::fs::read_to_string(proc.join(path)).unwrap_or_default();
    let ticks = configured(libc::_SC_CLK_TCK);
    let boot = text("stat");
    let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok());
    let mut process = from_stat(&text("self/stat"), ticks, configured(libc::_SC_PAGESIZE), boot);
    // Without the descriptor that lists the directory.
    process.open_fds = std::fs::read_dir(proc.join("self/fd"))
        .ok()
        .map(|entries| (entries.count() as u64).saturating_sub(1));
    process.max_fds = soft_limit(&text("self/limits"), "Max open files");
    process
}

/// A constant of the running system.
#[cfg(target_os = "linux")]
fn configured(name: libc::c_int) -> u64 {
    // SAFETY: it takes a number and returns a number.
    let value = unsafe { libc::sysconf(name) };
    u64::try_from(value).unwrap_or(1).max(1)
}

/// Parses proc_pid_stat(5). The program name, in parentheses, may contain any character.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is no /proc"))]
fn from_stat(stat: &str, ticks: u64, page_bytes: u64, boot: Option<u64>) -> ProcessUsage {
    let Some((_, rest)) = stat.rsplit_once(')') else { return ProcessUsage::default() };
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The first field after the name is number 3 in the manual page.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    #[expect(clippy::cast_precision_loss, reason = "ticks of a process are far below 2^53")]
    let in_seconds = |count: u64| count as f64 / ticks as f64;
    let since_boot = number(22).map(in_seconds);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let start_seconds = boot.zip(since_boot).map(|(boot, since)| boot as f64 + since);
    ProcessUsage {
        cpu_seconds: number(14).zip(number(15)).map(|(user, system)| in_seconds(user + system)),
        resident_bytes: number(24).map(|pages| pages * page_bytes),
        threads: number(20),
        start_seconds,
        ..ProcessUsage::default()
    }
}

/// The soft limit in a line of /proc/self/limits.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is no /proc"))]
fn soft_limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(target_os = "linux", windows))]
    #[test]
    fn this_process_has_started_and_uses_memory_and_its_files_are_counted() {
        let process = read();
        assert!(process.start_seconds.is_some_and(|seconds| seconds > 1.7e9), "{process:?}");
        assert!(process.cpu_seconds.is_some_and(|seconds| seconds < 1e6), "{process:?}");
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{process:?}");
        // How many is for the system to know; Wine says none.
        assert!(process.open_fds.is_some(), "{process:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn everything_is_found_in_the_files_of_proc_and_what_is_missing_is_not_made_up() {
        let proc = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(proc.path().join(name), text).unwrap();
        assert_eq!(read_in(proc.path()), ProcessUsage::default());
        std::fs::create_dir_all(proc.path().join("self/fd")).unwrap();
        for descriptor in 0..4 {
            write(&format!("self/fd/{descriptor}"), "");
        }
        let ticks = configured(libc::_SC_CLK_TCK);
        let stat = format!(
            "1 (python) S 0 1 1 0 -1 4 0 0 0 0 {ticks} {ticks} 0 0 20 0 9 0 {} 9 5 1",
            3 * ticks
        );
        write("self/stat", &stat);
        write(
            "self/limits",
            "Max cpu time  unlimited unlimited seconds\nMax open files  8 9 files\n",
        );
        write("stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 4\n");
        let expected = ProcessUsage {
            cpu_seconds: Some(2.0),
            resident_bytes: Some(5 * configured(libc::_SC_PAGESIZE)),
            open_fds: Some(3),
            max_fds: Some(8),
            threads: Some(9),
            start_seconds: Some(1_700_000_003.0),
        };
        assert_eq!(read_in(proc.path()), expected);
    }

    #[test]
    fn a_stat_line_is_read_behind_the_name_whatever_that_holds() {
        let stat =
            "42 (a) b (c)) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 7 0 1000 9 300 1";
        let process = from_stat(stat, 100, 4096, Some(1_000_000));
        assert_eq!(process.cpu_seconds, Some(2.0));
        assert_eq!(process.threads, Some(7));
        assert_eq!(process.resident_bytes, Some(300 * 4096));
        assert_eq!(process.start_seconds, Some(1_000_010.0));
    }

    #[test]
    fn a_soft_limit_is_the_first_number_and_unlimited_is_none() {
        let limits = "Limit  Soft Limit Hard Limit Units\nMax open files   1024   4096   files\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024));
        assert_eq!(soft_limit("Max open files unlimited unlimited files", "Max open files"), None);
    }
}
