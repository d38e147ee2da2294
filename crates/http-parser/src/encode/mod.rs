//! Encodes responses: completes the head, frames the body, writes the server's own responses.

mod body;
mod date;
mod error_response;
pub(crate) mod framing;
pub(crate) mod head;

pub use body::{BodyEncoder, Frame};
pub use date::HttpDate;
pub use error_response::ErrorResponse;
