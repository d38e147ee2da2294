//! What a valid head is: the heads of requests and responses, and their parts.
//!
//! Whatever has one of these types in hand need not check it again: a [`RequestHead`] has passed
//! every rule of the decoder, and a [`ResponseHead`] cannot hold a line break or a hop-by-hop field.

mod byte_set;
pub(crate) mod head_buffer;
pub mod headers;
pub mod request;
pub mod response;
pub mod span;
pub mod target;

pub use request::{BodyFraming, RequestHead};
pub use response::ResponseHead;
pub use target::Scheme;

/// The protocol version of a request (RFC 9112 §2.3). Others are refused with 505.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunked coding, no interim responses, persistent only when asked for.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// The version as it stands on the wire: `HTTP/1.1`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}
