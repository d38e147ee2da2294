//! Which worker takes which request, and when it is woken.
//!
//! `queue` holds the requests that wait and chooses the thread to wake; a `seat` is one worker's
//! place at it, where the worker sleeps on its `parker`. `workers` starts and replaces the threads,
//! `usage` sums up what they do. `nap` and `deferral` avoid wake-ups while there is work. A
//! `requester` is all that scheduling knows of a connection.

// A request waits.
pub(crate) mod queue;
pub(crate) mod requester;
mod state;
pub(crate) mod usage;
pub(crate) mod waiting;

// A worker takes it.
pub(crate) mod parker;
pub(crate) mod seat;
pub(crate) mod work;
pub(crate) mod workers;

// Nobody is woken without need.
pub(crate) mod deferral;
pub(crate) mod nap;

#[cfg(test)]
#[path = "tests/attach.rs"]
mod attach;
#[cfg(test)]
#[path = "tests/model.rs"]
mod model;

pub use state::Lock;
