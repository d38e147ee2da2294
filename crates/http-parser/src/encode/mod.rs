//! Responses to bytes.
