//! Responses to bytes: the head is finished, the body is framed, refusals are written.

pub mod body;
pub mod date;
pub mod framing;
pub mod head;
pub mod refusal;

pub use body::{BodyEncoder, Frame};
pub use date::HttpDate;
pub use refusal::Refusal;
