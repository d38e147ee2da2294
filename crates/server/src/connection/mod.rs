//! One client connection: its socket, its protocol, what comes in and what goes out.
//!
//! `conn` is the state that the I/O task and the answering worker share. `io_task` reads, and
//! `incoming` makes complete requests of that, with `receive`, `spool`, `spooling` and `buffers` for
//! their bodies. `reply` takes the worker's response, `outbox` holds it, and `write_out` and
//! `send_file` send it on the `stream`. `requester` is the side that the queue sees, `shared` what
//! the server gives to each connection.

// What a connection is, and what it has.
pub(crate) mod conn;
mod requester;
pub(crate) mod shared;
pub(crate) mod stream;
mod whereabouts;

// What comes in.
mod buffers;
mod incoming;
pub(crate) mod io_task;
mod receive;
mod spool;
pub(crate) mod spooling;

// What goes out.
#[cfg(target_os = "linux")]
mod abort;
mod outbox;
mod reply;
mod send_file;
mod write_out;
