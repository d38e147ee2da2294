//! The descriptors that clients may use: one for each connection, one for each temporary file, and two
//! for each file that the application has given to be sent: that of the server, and its own.
//!
//! The system limits how many files a process may have open. If clients could use up all of them, the
//! application could not reach its database, and nobody could see why. So a part of what is free when the
//! server starts is left to others, and `connection-limit` is capped by the rest. Files count like
//! connections: when none is left, a newcomer finds no room, and a request body is refused like one for
//! which there is no room on the disk. A file that is given is sent, because its descriptors are taken
//! already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::system::{file_limit, spare_descriptors};

/// What is left to others: the files of the application and of its database clients, logs, refused clients
/// that linger, and the admin listener.
const OTHERS: usize = 32;

/// The descriptors of one set of listeners.
#[derive(Debug)]
pub(crate) struct ClientDescriptors {
    /// The maximum number.
    most: usize,
    taken: AtomicUsize,
}

/// A descriptor of a client; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct ClientDescriptor(Arc<ClientDescriptors>);

/// Why there are fewer than the settings ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileLimits {
    /// How many files the process may have open.
    limit: usize,
    /// How many it has open.
    open: usize,
}

impl ClientDescriptors {
    /// As many as the system allows now.
    pub(crate) fn available() -> Self {
        Self::of(FileLimits::read())
    }

    /// As many as anybody takes: for listeners that have few connections, and no files.
    pub(crate) fn unlimited() -> Self {
        Self::of(None)
    }

    fn of(limits: Option<FileLimits>) -> Self {
        let most = limits.map_or(usize::MAX, FileLimits::for_clients);
        Self { most, taken: AtomicUsize::new(0) }
    }

    /// The maximum number.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Whether a client may have one more. None gets the place of a spare one that has been let go.
    pub(crate) fn has_room(&self) -> bool {
        self.most == usize::MAX
            || self.taken.load(Ordering::Relaxed) < self.most && spare_descriptors::are_complete()
    }

    /// Takes one for a connection or a file that has it already.
    pub(crate) fn take(self: &Arc<Self>) -> ClientDescriptor {
        self.taken.fetch_add(1, Ordering::Relaxed);
        ClientDescriptor(Arc::clone(self))
    }
}

impl Drop for ClientDescriptor {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl FileLimits {
    /// Those of this process; `None` if the system has none or does not tell.
    pub(crate) fn read() -> Option<Self> {
        let (limit, open) = (file_limit::soft_limit()?, file_limit::open_files()?);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Some(Self { limit: count(limit), open: count(open) })
    }

    /// How many clients may use: all that are free but [`OTHERS`], or a quarter of them if that is more.
    fn for_clients(self) -> usize {
        let free = self.limit.saturating_sub(self.open);
        free.saturating_sub(OTHERS).max(free / 4).max(1)
    }

    /// The line that says that a limit on connections is capped.
    pub(crate) fn note(self, connection_limit: usize) -> String {
        let Self { limit, open } = self;
        format!(
            "connection-limit is {connection_limit}, but clients can use no more than {} descriptors: this \
             process may have {limit} files open, has {open}, and needs some {OTHERS} for other things; raise \
             the hard limit (`ulimit -Hn`, LimitNOFILE= in systemd, --ulimit nofile= of Docker), or lower \
             connection-limit",
            self.for_clients()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_is_free_but_a_reserve() {
        let of = |limit, open| FileLimits { limit, open }.for_clients();
        assert_eq!(of(1024, 24), 1024 - 32 - 24);
        assert_eq!(of(40, 22), 4, "a quarter of what is free");
        assert_eq!(of(20, 30), 1, "there is always room for one");
    }

    #[test]
    fn the_note_has_every_number() {
        let note = FileLimits { limit: 1024, open: 24 }.note(1000);
        for part in ["connection-limit is 1000", "than 968 descriptors", "1024 files open, has 24"]
        {
            assert!(note.contains(part), "{note}");
        }
    }

    #[test]
    fn a_descriptor_is_given_back() {
        let limits = FileLimits { limit: 40, open: 38 };
        let descriptors = Arc::new(ClientDescriptors::of(Some(limits)));
        assert_eq!(descriptors.most(), 1);
        let taken = descriptors.take();
        assert!(!descriptors.has_room());
        drop(taken);
        assert_eq!(descriptors.taken.load(Ordering::Relaxed), 0);
    }
}
