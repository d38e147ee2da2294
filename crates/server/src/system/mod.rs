//! What the operating system offers and std does not, each call in the file of what it is for, and the
//! clock. Together with `transport`, the only part of the server that may contain unsafe code.

#![allow(unsafe_code, reason = "system calls without a safe wrapper in std or socket2")]

pub mod allocator;
pub(crate) mod atomics;
#[cfg(unix)]
pub mod child;
#[cfg(target_os = "linux")]
pub(crate) mod child_processes;
pub(crate) mod clock;
#[cfg(unix)]
pub mod detached_fork;
pub mod end_process;
pub mod error_text;
#[cfg(windows)]
pub(crate) mod exclusive_address;
pub mod file_limit;
pub(crate) mod fork_guard;
#[cfg(unix)]
pub mod held_signals;
#[cfg(unix)]
pub(crate) mod inherited_file;
pub mod inherited_socket;
pub(crate) mod local_time;
#[cfg(unix)]
pub(crate) mod monotonic;
pub(crate) mod mutex;
#[cfg(unix)]
pub mod output_lock;
#[cfg(all(test, unix))]
#[path = "tests/own_process.rs"]
pub(crate) mod own_process;
#[cfg(target_os = "linux")]
pub mod own_user;
#[cfg(unix)]
pub mod pass_fd;
#[cfg(unix)]
pub(crate) mod poll;
pub(crate) mod port_owner;
#[cfg(target_os = "linux")]
pub mod process_identity;
pub(crate) mod process_usage;
#[cfg(windows)]
mod process_usage_windows;
pub mod service_name;
#[cfg(unix)]
pub mod shared_memory;
#[cfg(unix)]
pub mod signal_action;
pub(crate) mod spare_descriptors;
#[cfg(unix)]
pub mod standard_streams;
#[cfg(unix)]
pub mod subreaper;
pub(crate) mod tcp_info;
#[cfg(target_os = "linux")]
pub(crate) mod tcp_reset;
pub(crate) mod timer_ticks;
#[cfg(unix)]
pub mod unnamed_file;
