//! The queue of this process.
//!
//! A forked child inherits the queue of its parent, but not the thread that reads it, and perhaps a
//! lock that nobody will release. So each process has a queue of its own: the first one from its first
//! record on, a forked one as soon as something in it reads the log. Until then, it has none, and its
//! records are written directly.

use std::sync::{Arc, OnceLock};

use super::queue::Queue;

/// The queue of a process, and those of processes that were forked from it. A child sees the entries
/// of its ancestors and its own.
struct Entry {
    process: u32,
    queue: Arc<Queue>,
    forked: OnceLock<Box<Self>>,
}

static FIRST: OnceLock<Entry> = OnceLock::new();

impl Entry {
    fn of_this_process() -> Self {
        Self { process: std::process::id(), queue: Arc::default(), forked: OnceLock::new() }
    }
}

/// The queue; `None` in a forked child whose log nobody reads.
pub(super) fn get() -> Option<&'static Arc<Queue>> {
    let here = std::process::id();
    let mut entry = FIRST.get_or_init(Entry::of_this_process);
    while entry.process != here {
        entry = entry.forked.get()?;
    }
    Some(&entry.queue)
}

/// The queue, for a reader of it.
pub(super) fn get_or_create() -> &'static Arc<Queue> {
    let here = std::process::id();
    let mut entry = FIRST.get_or_init(Entry::of_this_process);
    while entry.process != here {
        entry = entry.forked.get_or_init(|| Box::new(Entry::of_this_process()));
    }
    &entry.queue
}
