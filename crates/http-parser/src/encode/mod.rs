//! Encodes responses: completes the head, frames the body, writes the server's own responses.

pub mod body;
pub mod date;
pub mod framing;
pub mod head;
pub mod refusal;

pub use body::{BodyEncoder, Frame};
pub use date::HttpDate;
pub use refusal::Refusal;
