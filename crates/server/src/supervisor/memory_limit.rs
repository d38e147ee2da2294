//! How much memory the cgroup of this process may use, and how much of it is free: version 2
//! (`memory.max`) and version 1 (`memory.limit_in_bytes`), by files alone.
//!
//! The cgroup and its ancestors count. Page cache that the kernel would drop
//! (`inactive_file`) counts as free, as in Kubernetes' working set.

use std::path::{Path, PathBuf};

use super::facts::Headroom;

/// Above this there is no limit: version 1 writes a huge number for none.
const NO_LIMIT: u64 = 1 << 60;

/// The memory of a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The most that all its processes may use together, in bytes.
    pub limit: u64,
    /// What they use, in bytes, without what the kernel would drop.
    pub used: u64,
}

impl MemoryLimit {
    /// What is free.
    pub fn free(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// The memory of the cgroup of this process, or of the one above it, that has the least limit; `None`
    /// if there is no limit.
    pub fn least() -> Option<Self> {
        Self::read(&read_file).into_iter().min_by_key(|memory| memory.limit)
    }

    /// The memory of the one of them that has the least free: who is above others may have a higher
    /// limit, and have used it up with their help.
    pub fn least_free() -> Option<Self> {
        Self::read(&read_file).into_iter().min_by_key(Self::free)
    }

    /// The memory of all of them that have a limit.
    fn read(read: &dyn Fn(&Path) -> Option<String>) -> Vec<Self> {
        let of_process = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
        let groups = of_process.lines().filter_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let files = match controllers {
                "" => &VERSION_2,
                _ if controllers.split(',').any(|name| name == "memory") => &VERSION_1,
                _ => return None,
            };
            Some(files.all(path, read))
        });
        groups.flatten().collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "files of the kernel are no settings")]
fn read_file(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

impl Headroom {
    /// Whether there is room for one more process, of the size of the largest there is.
    pub fn of(memory: Option<MemoryLimit>, largest: u64) -> Self {
        match memory {
            Some(memory) if memory.free() < largest => Self::Short,
            Some(_) | None => Self::Enough,
        }
    }
}

/// The files of one version.
struct Files {
    root: &'static str,
    limit: &'static str,
    used: &'static str,
    inactive: &'static str,
}

const VERSION_2: Files = Files {
    root: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    inactive: "inactive_file",
};

const VERSION_1: Files = Files {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    inactive: "total_inactive_file",
};

impl Files {
    /// The groups that have a limit, from the one at `path` up to the root. In a container the path may
    /// be that of the host, of which only the root is visible.
    fn all(&self, path: &str, read: &dyn Fn(&Path) -> Option<String>) -> Vec<MemoryLimit> {
        let group = PathBuf::from(format!("{}{path}", self.root));
        let groups = group.ancestors().take_while(|folder| folder.starts_with(self.root));
        groups.filter_map(|folder| self.of(folder, read)).collect()
    }

    fn of(&self, folder: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<MemoryLimit> {
        let number = |name: &str| read(&folder.join(name))?.trim().parse::<u64>().ok();
        let limit = number(self.limit).filter(|&limit| limit < NO_LIMIT)?; // "max" is no number
        let used = number(self.used)?;
        let stat = read(&folder.join("memory.stat")).unwrap_or_default();
        let inactive = stat.lines().find_map(|line| {
            let (name, value) = line.split_once(' ')?;
            (name == self.inactive).then(|| value.trim().parse::<u64>().ok())?
        });
        Some(MemoryLimit { limit, used: used.saturating_sub(inactive.unwrap_or(0)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Vec<MemoryLimit> {
        MemoryLimit::read(&|path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    /// What `cgroup` and the two files of each of these groups say.
    fn nested(groups: [(&str, &str, &str); 2]) -> Vec<MemoryLimit> {
        let mut files = vec![("/proc/self/cgroup".to_owned(), "0::/pod/shop\n".to_owned())];
        for (group, limit, used) in groups {
            files.push((format!("/sys/fs/cgroup{group}/memory.max"), limit.to_owned()));
            files.push((format!("/sys/fs/cgroup{group}/memory.current"), used.to_owned()));
        }
        let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
        read(&files)
    }

    #[test]
    fn who_has_the_least_free_may_be_above_who_has_the_least_limit() {
        let memory = nested([("/pod/shop", "1000", "300"), ("/pod", "2000", "1990")]);
        assert_eq!(memory.iter().min_by_key(|it| it.limit).unwrap().limit, 1000);
        let scarcest = memory.into_iter().min_by_key(MemoryLimit::free);
        assert_eq!(scarcest, Some(MemoryLimit { limit: 2000, used: 1990 }));
        assert_eq!(Headroom::of(scarcest, 100), Headroom::Short);
    }

    #[test]
    fn the_limit_of_a_group_or_of_the_nearest_that_has_one_counts() {
        let memory = read(&[
            ("/proc/self/cgroup", "0::/system.slice/shop.service\n"),
            ("/sys/fs/cgroup/system.slice/shop.service/memory.max", "max\n"),
            ("/sys/fs/cgroup/system.slice/shop.service/memory.current", "1\n"),
            ("/sys/fs/cgroup/system.slice/memory.max", "1000\n"),
            ("/sys/fs/cgroup/system.slice/memory.current", "700\n"),
            ("/sys/fs/cgroup/system.slice/memory.stat", "anon 1\ninactive_file 200\n"),
        ]);
        assert_eq!(memory, [MemoryLimit { limit: 1000, used: 500 }]);
        assert_eq!(memory[0].free(), 500);
    }

    #[test]
    fn version_1_counts_where_memory_is_one_of_the_controllers() {
        let memory = read(&[
            ("/proc/self/cgroup", "5:cpu,cpuacct:/\n4:hugetlb,memory:/docker/abc\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "100\n"),
            ("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file 30\n"),
        ]);
        assert_eq!(memory, [MemoryLimit { limit: 512 << 20, used: 70 }]);
    }

    #[test]
    fn there_is_room_where_the_largest_process_fits_once_more_or_nobody_limits() {
        let memory = |used| Some(MemoryLimit { limit: 1000, used });
        assert_eq!(Headroom::of(memory(600), 400), Headroom::Enough);
        assert_eq!(Headroom::of(memory(601), 400), Headroom::Short);
        assert_eq!(Headroom::of(memory(1200), 1), Headroom::Short);
        assert_eq!(Headroom::of(None, u64::MAX), Headroom::Enough);
    }

    #[test]
    fn no_limit_is_none() {
        assert_eq!(read(&[]), []);
        assert_eq!(read(&[("/proc/self/cgroup", "0::/\nnonsense\n")]), []);
        let huge = read(&[
            ("/proc/self/cgroup", "4:memory:/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "100\n"),
        ]);
        assert_eq!(huge, []);
    }
}
