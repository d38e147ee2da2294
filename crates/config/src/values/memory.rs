//! A limit on the memory of a process.

use super::quantity::parse_percent;

/// A limit on the memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryLimit {
    /// This many bytes.
    Bytes(u64),
    /// This percentage of the memory limit of the cgroup, from 1 to 100.
    Percent(u8),
}

impl MemoryLimit {
    /// The limit of a percentage such as `25%`.
    pub(crate) fn percent(text: &str) -> Option<Self> {
        parse_percent(text).map(Self::Percent)
    }
}
