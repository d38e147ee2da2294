//! The lock-free parts that processes share, compiled with the atomics of loom: the files are those of
//! the server. What they promise is in `tests/`.

#![forbid(unsafe_code)]

pub mod board;
pub mod telemetry;
