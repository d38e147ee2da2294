//! HTTP/1.1 as an origin server speaks it, without a socket, a clock or a thread.
//!
//! Bytes come in and requests come out; a response head and body pieces come in and bytes come
//! out. What may be refused is refused and never repaired, because whatever one server repairs
//! and another does not can carry a second request past a proxy.
//!
//! The crate is also where a server and an application meet: [`exchange`] holds the traits
//! through which a request is handed over and answered, so that neither side needs to know the
//! other.

#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, reason = "this crate has no clock, no socket and no files")]
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "its input is hostile"
    )
)]

pub mod connection;
pub mod decode;
pub mod encode;
pub mod exchange;
pub mod fault;
pub mod forwarded;
pub mod limits;
pub mod message;
mod peer;
pub mod rejection;

pub use fault::ApplicationFault;
pub use limits::Limits;
pub use message::{RequestHead, ResponseHead, Version};
pub use rejection::Rejection;
