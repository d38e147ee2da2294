//! The server: sockets, threads and timers around the protocol, for any application.
//!
//! One I/O thread owns every socket. It accepts clients (`accept`) and reads from each until a
//! request is complete (`connection`). The request then waits for one of the application's worker
//! threads (`scheduling`), which runs it and sends the response itself. `sweep` checks all deadlines,
//! `watch` the requests that run too long, and `drain` stops the server without losing requests.
//!
//! Four layers import only downwards: the server as a whole, `connection`, `scheduling`,
//! `telemetry`. The lower ones see the higher ones through a trait: the queue knows of a connection
//! what `scheduling::requester` says, and a scrape of the server what `telemetry::subject` does.
//!
//! The crate does not depend on Python: it serves anything that implements
//! [`Application`](maitred_http_parser::exchange::Application). `examples/hello.rs` implements one
//! in thirty lines and serves it.

// Worker processes.
#[cfg(unix)]
pub mod board;
#[cfg(unix)]
pub mod supervisor;
pub mod system;

// Starting and stopping.
mod descriptors;
mod drain;
mod restart;
mod rules;
mod running;
mod server;
mod state;

// The I/O thread: connections, from accept to close.
mod accept;
mod connection;
mod listen;
mod registry;

// Which worker takes a request, and when.
mod scheduling;

// Deadlines.
mod clock;
mod sweep;
mod watch;

// Reporting.
mod admin;
pub mod telemetry;

// Differences between systems.
mod console;
pub mod system_error;
mod timer_resolution;

pub use admin::{Admin, AdminThread};
pub use clock::Clock;
pub use connection::spooling::TempDirError;
pub use listen::{BindError, ListenAddress, Listeners};
pub use rules::trust;
pub use running::{Running, Waited};
pub use scheduling::Lock;
pub use server::{RunError, Server};
pub use telemetry::{Interpreter, Telemetry};
