//! Which worker takes which request, and when it is woken.
//!
//! `queue` holds the waiting requests; `standby` has the rules about which worker to wake. A
//! `worker_slot` is a worker's place at the queue, where it sleeps on its `parker`. `workers` starts
//! and replaces the threads, and `usage` accounts for their time. `nap` and `deferral` avoid wake-ups
//! while there is work, and `patience` ends the wait of a worker for a slow client when there is. Scheduling
//! knows a connection only as a `requester`.
//!
//! In one of several worker processes, requests move to `siblings` with room: `elsewhere` and `level`
//! have the rules, `hand_over` follows them.

// Waiting requests.
pub(crate) mod parallelism;
pub(crate) mod patience;
pub(crate) mod queue;
pub(crate) mod requester;
pub(crate) mod standby;
pub(crate) mod usage;

// Other worker processes.
pub(crate) mod elsewhere;
mod hand_over;
pub(crate) mod level;
pub(crate) mod siblings;

// Workers.
mod housekeeping;
pub(crate) mod parker;
pub(crate) mod worker_slot;
pub(crate) mod workers;

// Avoiding wake-ups.
pub(crate) mod deferral;
pub(crate) mod nap;

#[cfg(test)]
#[path = "tests/attach.rs"]
mod attach;
#[cfg(test)]
#[path = "tests/model.rs"]
mod model;
#[cfg(test)]
#[path = "tests/neighbours.rs"]
mod neighbours;
#[cfg(test)]
#[path = "tests/no_reply.rs"]
mod no_reply;
#[cfg(test)]
#[path = "tests/processes/mod.rs"]
mod processes;
#[cfg(test)]
#[path = "tests/showing.rs"]
mod showing;
#[cfg(test)]
#[path = "tests/simulation/mod.rs"]
mod simulation;

pub use parallelism::Gil;
