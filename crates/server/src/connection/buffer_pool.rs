//! Reuses the memory of request bodies.
//!
//! The I/O thread allocates a large body and a worker frees it. Each time, the allocator returns
//! the pages to the system and requests new ones, which costs more than receiving into them. So a
//! few buffers are kept, and fewer while they are not in demand.

use std::sync::MutexGuard;

use maitred_http_parser::exchange::Reclaim;

use crate::system::mutex::Mutex;

/// Up to this size, the allocator is fast enough.
const SMALL_BYTES: usize = 8 * 1024;

/// Larger buffers are not kept: they would use more memory than they save time.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// The number of buffers kept: 16 MiB with the largest ones.
const KEPT_MAX: usize = 64;

/// The buffers that are kept.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    kept: Mutex<Vec<Vec<u8>>>,
}

impl BufferPool {
    fn kept(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.kept.lock()
    }

    /// An empty buffer for at least `bytes` bytes.
    pub(crate) fn take(&self, bytes: usize) -> Vec<u8> {
        let mut memory =
            if bytes > SMALL_BYTES { self.kept().pop() } else { None }.unwrap_or_default();
        memory.reserve_exact(bytes);
        memory
    }

    /// Frees a buffer that has not been needed. Called periodically.
    pub(crate) fn age(&self) {
        let oldest = {
            let mut kept = self.kept();
            if kept.is_empty() { None } else { Some(kept.remove(0)) }
        };
        drop(oldest);
    }
}

impl Reclaim for BufferPool {
    fn reclaim(&self, mut memory: Vec<u8>) {
        if (SMALL_BYTES..=KEPT_BYTES_MAX).contains(&memory.capacity()) {
            memory.clear();
            let mut kept = self.kept();
            if kept.len() < KEPT_MAX {
                kept.push(memory);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_empty_and_with_room() {
        let buffers = BufferPool::default();
        buffers.reclaim(vec![1; 64 * 1024]);
        let memory = buffers.take(100_000);
        assert!(memory.is_empty() && memory.capacity() >= 100_000);
        assert!(buffers.kept().is_empty());
    }

    #[test]
    fn no_more_is_kept_than_the_bounds_allow() {
        let buffers = BufferPool::default();
        buffers.reclaim(vec![0; KEPT_BYTES_MAX + 1]);
        buffers.reclaim(vec![0; 10]);
        assert!(buffers.kept().is_empty());
        for _ in 0..2 * KEPT_MAX {
            buffers.reclaim(vec![0; 16 * 1024]);
        }
        assert_eq!(buffers.kept().len(), KEPT_MAX);
    }

    #[test]
    fn what_nobody_asks_for_is_let_go() {
        let buffers = BufferPool::default();
        buffers.reclaim(vec![0; 16 * 1024]);
        buffers.age();
        buffers.age();
        assert!(buffers.kept().is_empty());
    }
}
