//! A client connection: its socket, its protocol, its input and its output.
//!
//! `conn` is the state that the I/O task and the answering worker share. `io_task` reads the socket,
//! and `incoming` builds complete requests, with `receive`, `spool`, `spooling` and `buffers` for
//! their bodies. `reply` receives the worker's response, `outbox` holds it, and `write_out` and
//! `send_file` send it on the `stream`. `requester` is the interface for the queue, and `shared` the
//! part of the server that connections use.

// The state of a connection.
pub(crate) mod conn;
mod requester;
pub(crate) mod shared;
pub(crate) mod stream;
mod whereabouts;

// Input.
mod buffers;
mod incoming;
pub(crate) mod io_task;
mod receive;
mod spool;
pub(crate) mod spooling;

// Output.
#[cfg(target_os = "linux")]
mod abort;
mod outbox;
mod reply;
mod send_file;
mod write_out;
