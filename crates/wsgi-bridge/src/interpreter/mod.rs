//! CPython as a guest sees it: its lock, its threads, its forks, its end, and its strings.
//!
//! The lowest layer of the crate: nothing here knows of requests.

pub mod attach;
pub mod exit;
pub mod fork;
pub(crate) mod gil;
pub(crate) mod latin1;
pub(crate) mod reference_count;
pub mod threads;
pub mod traceback;
