//! Serving in a process that the server owns: its sources of settings, its signals, its output, its
//! exit status, and the service manager that started it.

pub(crate) mod exit_status;
pub(crate) mod output;
mod project;
pub(crate) mod sources;

#[cfg(unix)]
mod code_changes;
#[cfg(unix)]
mod code_watch;
#[cfg(unix)]
mod launch;
#[cfg(unix)]
pub(crate) mod mold;
#[cfg(unix)]
mod passed_sources;
#[cfg(unix)]
mod pulse;
pub(crate) mod serve;
#[cfg(unix)]
pub(crate) mod supervise;
#[cfg(unix)]
mod supervisor_options;
pub(crate) mod wait;
#[cfg(unix)]
pub(crate) mod worker;

mod exit;
#[cfg(unix)]
mod file_limit;
pub(crate) mod service_manager;
pub(crate) mod signals;
