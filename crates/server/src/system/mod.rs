//! What std does not have of the operating system, each call in the file of what it is for.

#[cfg(unix)]
pub(crate) mod monotonic;
#[cfg(unix)]
pub mod pass_fd;
#[cfg(unix)]
pub mod shared_memory;
