//! Makes the C library return memory that is no longer used to the system.
//!
//! glibc serves large allocations by mmap(2) and returns them when they are freed, but raises the size from
//! which it does so with every one that is freed, up to 32 MiB. After a few large bodies, they come from its
//! heap, where one small allocation above them keeps hundreds of megabytes from being returned. Pinned,
//! the size does not grow (mallopt(3), `M_MMAP_THRESHOLD`). That concerns the whole process, so only a
//! process that is all the server's does it.

/// From this size on, an allocation is returned when it is freed. Reused buffers of bodies are smaller.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const RETURNED_BYTES: libc::c_int = 256 * 1024;

/// From now on, large allocations are returned to the system when they are freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn return_freed_memory() {
    // SAFETY: it takes two numbers, and changes how later allocations are made. Where it fails, memory
    // is returned later.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, RETURNED_BYTES) };
}

/// Does nothing: only glibc has to be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn return_freed_memory() {}
