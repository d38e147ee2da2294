//! The atomics of what processes share: those of the standard library. The model (`crates/server/model`)
//! compiles the files that use them with those of loom in their place, which try every order and every
//! value that the memory model allows.

#[cfg(unix)]
pub(crate) use std::sync::atomic::fence;
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
