//! The lock-free parts that processes share, compiled with the atomics of loom: the files are those of
//! the server. What they promise is in `tests/`.

#![forbid(unsafe_code)]

pub mod board;
pub mod telemetry;

pub mod system {
    //! The atomics of loom, where those of the standard library are in the server.

    pub mod atomics {
        //! Under the name that the files of the server use.
        pub use loom::sync::atomic::{AtomicU64, Ordering, fence};
    }
}
