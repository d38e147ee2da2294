//! The supervisor: the process that owns the workers, and never runs the application.
//!
//! `fleet` decides which processes should exist: it is told facts and answers with commands. `health`
//! judges who does not react any more, `recycling` who has served for long enough, `memory_limit`
//! whether there is room for one more, and `control` is what supervisor and workers say to each
//! other. None of them does input or output, and time is an argument.
//!
//! `run` carries out what they decide, through the port `workers`. `reload` is what a reload changes of
//! the supervisor itself, `drain` stops all workers together, `forwarding` gives connections to others
//! that a worker does not read, `view` and `scrape` are what the admin listener shows, and `worker` is the
//! other end: the control socket in a worker process. With `preload`, `mold` is that of the process that
//! workers are forked from, `mold_process` is how the supervisor has it, and `preloading` decides about
//! it.

mod backoff;
mod channel;
pub mod control;
mod drain;
pub mod facts;
pub mod file_needs;
mod first_worker;
pub mod fleet;
mod forwarding;
pub mod handle;
pub mod health;
mod hung;
mod inboxes;
pub mod memory_limit;
pub mod mold;
mod mold_process;
mod preloading;
mod process;
mod reaping;
pub mod recycling;
mod reload;
mod replacement;
pub mod run;
#[cfg(test)]
#[path = "tests/scene.rs"]
mod scene;
mod scrape;
pub mod stacks;
mod stopping;
pub mod view;
pub mod worker;
pub mod workers;
