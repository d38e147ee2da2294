//! What clients may take of memory and disk, all connections together: the one place that counts.
//!
//! A connection holds memory for its client while a head or a body arrives, while its request waits or is
//! served, and until its response has been read. Each holding has a limit of its own
//! (`max-request-header-size`, `inbuf-overflow`, `outbuf-overflow`), but a thousand connections times such
//! a limit is more than a container has. So all of it is added up: above `client-memory-limit`, bodies and
//! responses go to the disk as they come, and above `spool-limit` there, requests are refused and threads
//! wait for the clients of their responses.
//!
//! Most connections hold next to nothing, and a response goes straight to the socket. What stays below
//! [`UNCOUNTED_BYTES`] is not counted, so that a usual request does not touch a counter that all threads
//! share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a connection may hold in each direction without being counted.
pub(crate) const UNCOUNTED_BYTES: u64 = 8 * 1024;

/// The direction in which bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From clients: requests.
    In,
    /// To clients: responses.
    Out,
}

/// The budget of all connections.
#[derive(Debug)]
pub(crate) struct ClientBudget {
    memory: AtomicU64,
    memory_max: u64,
    /// Bytes in temporary files, by [`Direction`].
    disk: [AtomicU64; 2],
    disk_max: u64,
}

impl ClientBudget {
    /// The budget of the settings `client-memory-limit` and `spool-limit`.
    pub(crate) fn new(memory_max: u64, disk_max: u64) -> Self {
        Self { memory: AtomicU64::new(0), memory_max, disk: Default::default(), disk_max }
    }

    /// That of connections that are few and small.
    pub(crate) fn unlimited() -> Self {
        Self::new(u64::MAX, u64::MAX)
    }

    /// Whether more memory is held than the limit allows, so that more goes to the disk.
    pub(crate) fn is_memory_short(&self) -> bool {
        self.memory.load(Ordering::Relaxed) > self.memory_max
    }

    /// Bytes in temporary files.
    pub(crate) fn disk_bytes(&self, direction: Direction) -> u64 {
        self.disk[direction as usize].load(Ordering::Relaxed)
    }

    fn all_disk_bytes(&self) -> u64 {
        self.disk_bytes(Direction::In).saturating_add(self.disk_bytes(Direction::Out))
    }
}

/// The memory that one connection holds, as far as it is counted.
#[derive(Debug)]
pub(crate) struct HeldMemory {
    budget: Arc<ClientBudget>,
    input: u64,
    output: u64,
}

impl HeldMemory {
    /// None, so far.
    pub(crate) fn new(budget: Arc<ClientBudget>) -> Self {
        Self { budget, input: 0, output: 0 }
    }

    /// Heads and bodies of requests take so many bytes now.
    pub(crate) fn set_input(&mut self, bytes: u64) {
        self.budget.replace(&mut self.input, bytes);
    }

    /// Responses take so many bytes now.
    pub(crate) fn set_output(&mut self, bytes: u64) {
        self.budget.replace(&mut self.output, bytes);
    }

    /// The bytes that are counted for requests.
    #[inline]
    pub(crate) fn input(&self) -> u64 {
        self.input
    }

    /// The bytes that are counted for responses.
    #[inline]
    pub(crate) fn output(&self) -> u64 {
        self.output
    }

    /// Whether all connections together hold too much.
    pub(crate) fn is_short(&self) -> bool {
        self.budget.is_memory_short()
    }
}

impl ClientBudget {
    fn replace(&self, counted: &mut u64, bytes: u64) {
        let bytes = if bytes > UNCOUNTED_BYTES { bytes } else { 0 };
        if bytes >= *counted {
            self.memory.fetch_add(bytes - *counted, Ordering::Relaxed);
        } else {
            self.memory.fetch_sub(*counted - bytes, Ordering::Relaxed);
        }
        *counted = bytes;
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        self.set_input(0);
        self.set_output(0);
    }
}

/// Claimed bytes of the disk budget; dropping it returns them.
#[derive(Debug)]
pub(crate) struct DiskClaim {
    budget: Arc<ClientBudget>,
    direction: Direction,
    bytes: AtomicU64,
}

impl DiskClaim {
    /// A claim of nothing yet.
    pub(crate) fn new(budget: Arc<ClientBudget>, direction: Direction) -> Self {
        Self { budget, direction, bytes: AtomicU64::new(0) }
    }

    /// Claims `count` more bytes.
    ///
    /// # Errors
    /// The budget is exhausted; the claim is as it was.
    pub(crate) fn grow(&self, count: u64) -> io::Result<()> {
        let disk = &self.budget.disk[self.direction as usize];
        disk.fetch_add(count, Ordering::Relaxed);
        if self.budget.all_disk_bytes() > self.budget.disk_max {
            disk.fetch_sub(count, Ordering::Relaxed);
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "spool-limit is reached"));
        }
        self.bytes.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for DiskClaim {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        self.budget.disk[self.direction as usize].fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_above_a_small_amount_and_returned() {
        let budget = Arc::new(ClientBudget::new(100_000, 0));
        let mut held = HeldMemory::new(Arc::clone(&budget));
        held.set_input(UNCOUNTED_BYTES);
        assert_eq!((held.input(), budget.memory.load(Ordering::Relaxed)), (0, 0));
        held.set_input(60_000);
        held.set_output(40_000);
        assert!(!held.is_short(), "the limit is inclusive");
        held.set_output(40_001);
        assert!(held.is_short() && budget.is_memory_short());
        held.set_input(100);
        assert!(!held.is_short());
        assert_eq!((held.input(), held.output()), (0, 40_001));
        drop(held);
        assert_eq!(budget.memory.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_disk_budget_is_one_for_both_directions_and_is_given_back() {
        let budget = Arc::new(ClientBudget::new(0, 10));
        let first = DiskClaim::new(Arc::clone(&budget), Direction::In);
        first.grow(6).unwrap();
        let second = DiskClaim::new(Arc::clone(&budget), Direction::Out);
        second.grow(4).unwrap();
        assert_eq!(second.grow(1).unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(budget.disk_bytes(Direction::Out), 4, "a refused claim claims nothing");
        drop(first);
        second.grow(6).unwrap();
        drop(second);
        assert_eq!(budget.all_disk_bytes(), 0);
    }
}
