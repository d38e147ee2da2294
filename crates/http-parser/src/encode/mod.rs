//! Encodes responses: completes the head, frames the body, writes the server's own responses.

pub mod body;
pub mod date;
pub mod error_response;
pub mod framing;
pub mod head;

pub use body::{BodyEncoder, Frame};
pub use date::HttpDate;
pub use error_response::ErrorResponse;
