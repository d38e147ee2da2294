//! A client connection: its protocol, its input and its output.
//!
//! `conn` is the state that the I/O task and the answering worker share: beside the protocol, how far
//! the request has come (`request_progress`), how the connection ends (`ending`), and what it holds of
//! the memory that all of them share (`held_memory`, `budget`, `descriptors`). `drive` is the
//! I/O task: it reads the socket, and `submit` builds complete requests, with `request_body`,
//! `temp_files` and `buffer_pool` for their bodies, and with what a proxy tells of them (`request_id`,
//! `request_start`). `respond` receives the worker's response, `outbox` holds it, `flush` sends it, and
//! `backpressure` decides what happens to what the client does not read. `disconnect` notices that a
//! client has left. `requester` is the interface for the queue, `policy` what the settings say about
//! connections, and `shared` the part of the server that connections use.
//!
//! In one of several worker processes, `hand_off` sends a connection to another one, and `adopt`
//! continues one that was sent here. `siblings` are the other processes, `inboxes` the sockets to them,
//! `parcel` what is written there, and `lost_parcel` what is lost if nobody reads it.

// The state of a connection.
pub(crate) mod budget;
pub(crate) mod conn;
mod deadlines;
pub(crate) mod descriptors;
mod disconnect;
mod ending;
mod held_memory;
pub(crate) mod policy;
mod request_progress;
mod requester;
pub(crate) mod room;
pub(crate) mod shared;
mod travel;

// Input.
mod buffer_pool;
pub(crate) mod drive;
mod request_body;
pub(crate) mod request_id;
mod request_start;
pub(crate) mod submit;
pub(crate) mod temp_files;

// Output.
mod backpressure;
mod flush;
mod outbox;
mod respond;

// Other worker processes.
#[cfg(unix)]
mod adopt;
#[cfg(unix)]
mod hand_off;
#[cfg(unix)]
pub(crate) mod inboxes;
#[cfg(unix)]
pub(crate) mod lost_parcel;
#[cfg(not(unix))]
mod never_moves;
#[cfg(unix)]
mod other_acceptors;
#[cfg(unix)]
pub(crate) mod parcel;
#[cfg(unix)]
pub(crate) mod siblings;

#[cfg(test)]
#[path = "tests/by_hand.rs"]
mod by_hand;
#[cfg(test)]
#[path = "tests/request_progress.rs"]
mod request_progress_tests;
