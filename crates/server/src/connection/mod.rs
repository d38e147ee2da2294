//! A client connection: its protocol, its input and its output.
//!
//! `conn` is the state that the I/O task and the answering worker share. `drive` is the I/O task: it
//! reads the socket, and `submit` builds complete requests, with `request_body`, `temp_files` and
//! `buffer_pool` for their bodies. `respond` receives the worker's response, `outbox` holds it, and
//! `flush` sends it. `requester` is the interface for the queue, `policy` what the settings say about
//! connections, and `shared` the part of the server that connections use.

// The state of a connection.
pub(crate) mod conn;
mod disconnect;
pub(crate) mod policy;
mod requester;
pub(crate) mod shared;

// Input.
mod buffer_pool;
pub(crate) mod drive;
mod request_body;
mod submit;
pub(crate) mod temp_files;

// Output.
mod flush;
mod outbox;
mod respond;
