//! The transport: reads and writes of the bytes of one connection, without blocking.

#![allow(unsafe_code, reason = "bytes are received into memory that is not initialised before")]

pub(crate) mod receive;
pub(crate) mod send_file;
pub(crate) mod stream;
