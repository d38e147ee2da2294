//! The server of one process, however it was started: from the command line or from Python.

pub(crate) mod admin_and_metrics;
pub(crate) mod announcement;
pub(crate) mod application;
pub(crate) mod import;
mod interpreter;
