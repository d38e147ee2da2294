//! The life of a server: starting, accepting, deadlines, and stopping.
//!
//! `server` is the whole of it from its sockets to its shutdown, and `running` the handle of one that
//! runs. `accept` admits connections to the `registry` of a `frontend`, and `inbox` those that other
//! worker processes hand over; `sweep` and `request_timeout` check their deadlines, `drain` stops
//! without losing requests, `retire` without closing connections, and `restart` restarts essential
//! tasks. `phase` is how far the server has come. `preflight` finds out whether a server would start.

pub(crate) mod accept;
mod console_close;
pub(crate) mod drain;
#[cfg(unix)]
mod evacuate;
pub(crate) mod frontend;
#[cfg(unix)]
mod inbox;
pub(crate) mod phase;
pub(crate) mod preflight;
pub(crate) mod registry;
pub(crate) mod request_timeout;
pub(crate) mod restart;
#[cfg(unix)]
mod retire;
pub(crate) mod running;
pub(crate) mod server;
pub(crate) mod server_state;
pub(crate) mod sweep;
