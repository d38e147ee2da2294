//! Sockets, threads and time around the protocol: the server, for any application.
//!
//! One I/O thread owns every socket (`accept`, `io_task`). A request that is complete waits in
//! the `queue` for one of the application's worker threads, which answers it and sends the answer
//! itself (`reply`). `conn` is what both sides of a connection share. `sweep` looks at the clock
//! for everybody, `nap` and `deferral` keep threads from waking each other for nothing, and
//! `drain` ends it all without losing anything.
//!
//! Nothing here knows Python: an [`Application`](maitred_http_parser::exchange::Application) is
//! whoever implements the trait. `examples/hello.rs` is one in thirty lines, and a server for it.

#[cfg(target_os = "linux")]
mod abort;
mod accept;
mod admin;
mod buffers;
mod clock;
mod conn;
mod console;
mod deferral;
mod descriptors;
mod drain;
mod incoming;
mod io_task;
mod listen;
mod nap;
mod outbox;
mod parker;
mod queue;
mod receive;
mod record;
mod registry;
mod reply;
mod restart;
mod rules;
mod running;
mod seat;
mod send_file;
mod server;
mod shared;
mod spool;
mod stream;
mod sweep;
pub mod system_error;
pub mod telemetry;
mod timer_resolution;
mod usage;
mod watch;
mod whereabouts;
mod workers;
mod write_out;

pub use admin::{Admin, AdminThread};
pub use clock::Clock;
pub use listen::{BindError, ListenAddress, Listeners};
pub use queue::Lock;
pub use rules::trust;
pub use running::{Running, Waited};
pub use server::{RunError, Server};
pub use spool::TempDirError;
pub use telemetry::{Interpreter, Telemetry};
