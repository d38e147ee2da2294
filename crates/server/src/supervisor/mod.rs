//! The supervisor: the process that owns the workers, and never runs the application.
//!
//! `fleet` decides which processes should exist: it is told facts and answers with commands. `health`
//! judges who does not react any more, `recycling` who has served for long enough, `memory_limit`
//! whether there is room for one more, and `control` is what supervisor and workers say to each
//! other. None of them does input or output, and time is an argument.

mod backoff;
pub mod control;
pub mod facts;
pub mod fleet;
pub mod health;
pub mod memory_limit;
pub mod recycling;
mod replacement;
