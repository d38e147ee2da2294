//! The server: sockets, threads and timers around the protocol, for any application.
//!
//! One I/O thread owns every socket. It accepts clients (`lifecycle::accept`) and reads from each until
//! a request is complete (`connection`). The request then waits for one of the application's worker
//! threads (`scheduling`), which runs it and sends the response itself. `lifecycle::sweep` checks all
//! deadlines, `lifecycle::request_timeout` the requests that run too long, and `lifecycle::drain` stops
//! the server without losing requests.
//!
//! The folders are layers, which import only downwards. The lower ones see the higher ones through a
//! trait: the queue knows of a connection what `scheduling::requester` says, and a scrape of the server
//! what `telemetry::snapshot` does.
//!
//! The crate does not depend on Python: it serves anything that implements
//! [`Application`](maitred_http_parser::exchange::Application). `examples/hello.rs` implements one
//! in thirty lines and serves it.

#![cfg_attr(
    not(test),
    warn(clippy::disallowed_methods, reason = "the server has one clock, and waits for facts")
)]
#![cfg_attr(
    not(unix),
    allow(dead_code, reason = "there a server is one process, and no connection moves to another")
)]

mod admin;
#[cfg(unix)]
pub mod board;
mod connection;
mod lifecycle;
mod listen;
mod scheduling;
#[cfg(unix)]
pub mod supervisor;
pub mod system;
pub mod telemetry;
mod transport;

pub use admin::{Admin, AdminThread, Report, ServerTotals};
#[cfg(unix)]
pub use connection::inboxes::Inboxes;
pub use connection::policy::trust;
#[cfg(unix)]
pub use connection::siblings::Membership;
pub use connection::temp_files::TempDirError;
pub use lifecycle::preflight::{Finding, preflight};
pub use lifecycle::running::{Running, Waited};
pub use lifecycle::server::{GIVES_UP_WITHIN, RunError, Server};
pub use listen::{BindCause, BindError, ListenAddress, Listeners};
pub use scheduling::Gil;
pub use system::allocator::return_freed_memory;
#[cfg(unix)]
pub use system::child::ExitStatus as ChildStatus;
pub use system::clock::Clock;
pub use system::end_process::end_process;
pub use system::error_text;
pub use system::file_limit::{FileLimit, raise_file_limit};
#[cfg(unix)]
pub use system::inherited_socket::find_inherited_sockets;
#[cfg(target_os = "linux")]
pub use system::own_user::{child_becomes, own_user};
#[cfg(unix)]
pub use system::standard_streams::open_missing_streams;
pub use telemetry::{Interpreter, Telemetry};
