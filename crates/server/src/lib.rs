//! The server: sockets, threads and timers around the protocol, for any application.
//!
//! One I/O thread owns every socket (`accept`, `io_task`). A complete request waits in the `queue`
//! for one of the application's worker threads, which runs it and sends the response itself
//! (`reply`). `conn` is the state that the I/O task and the worker share. `sweep` checks all
//! deadlines, `nap` and `deferral` avoid unnecessary wake-ups, and `drain` stops the server without
//! losing requests.
//!
//! The crate does not depend on Python: it serves anything that implements
//! [`Application`](maitred_http_parser::exchange::Application). `examples/hello.rs` implements one
//! in thirty lines and serves it.

// Put together, started, stopped.
mod descriptors;
mod drain;
mod restart;
mod rules;
mod running;
mod server;
mod shared;

// The I/O thread: from a connection to a request that is complete.
mod accept;
mod buffers;
mod conn;
mod incoming;
mod io_task;
mod listen;
mod receive;
mod registry;
mod spool;
mod stream;
mod whereabouts;

// Which worker takes it, and when.
mod deferral;
mod nap;
mod parker;
mod queue;
mod seat;
mod usage;
mod workers;

// From the worker's answer to the socket.
#[cfg(target_os = "linux")]
mod abort;
mod outbox;
mod reply;
mod send_file;
mod write_out;

// What is late.
mod clock;
mod sweep;
mod watch;

// What is told.
mod admin;
mod record;
pub mod telemetry;

// What systems do differently.
mod console;
pub mod system_error;
mod timer_resolution;

pub use admin::{Admin, AdminThread};
pub use clock::Clock;
pub use listen::{BindError, ListenAddress, Listeners};
pub use queue::Lock;
pub use rules::trust;
pub use running::{Running, Waited};
pub use server::{RunError, Server};
pub use spool::TempDirError;
pub use telemetry::{Interpreter, Telemetry};
