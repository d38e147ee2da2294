//! One client connection: its socket, its protocol, what comes in and what goes out.
//!
//! `conn` is the state that the I/O task and the answering worker share. `io_task` reads, `incoming`
//! makes complete requests of that, with `receive`, `spool`, `spooling` and `buffers` for their bodies. `reply`
//! takes the worker's response, `outbox` holds it, `write_out` and `send_file` send it on the
//! `stream`. `requester` is the side that the queue sees, `shared` what the
//! server gives to each.

#[cfg(target_os = "linux")]
mod abort;
mod buffers;
pub(crate) mod conn;
pub(crate) mod incoming;
pub(crate) mod io_task;
pub(crate) mod outbox;
mod receive;
mod reply;
mod requester;
mod send_file;
pub(crate) mod shared;
mod spool;
pub(crate) mod spooling;
pub(crate) mod stream;
mod whereabouts;
mod write_out;
