//! The heads of requests and responses, and their parts.
//!
//! The types guarantee validity: a [`RequestHead`] has passed every check of the decoder, and a
//! [`ResponseHead`] cannot contain a line break or a hop-by-hop field.

mod byte_set;
pub(crate) mod head_buffer;
pub mod headers;
pub mod request;
pub mod response;
pub(crate) mod span;
pub(crate) mod target;

pub use request::{BodyFraming, RequestHead};
pub use response::ResponseHead;
pub(crate) use target::Scheme;

/// The protocol version of a request (RFC 9112 §2.3). Other versions are rejected with 505.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, no interim responses, persistent only on request.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// The version as on the wire: `HTTP/1.1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}
