//! The atomics of the board: those of the standard library. The model (`crates/server/model`) compiles the
//! files beside this one with those of loom in their place, which try every order and every value that
//! the memory model allows.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};
