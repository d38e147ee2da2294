//! Ends the process at once.

/// Ends the process with this status, without any exit handler: of Python, of libraries, or of threads
/// that still run. For a stop that must not wait for them any longer.
#[cfg(unix)]
pub fn end_process(status: i32) -> ! {
    // SAFETY: it takes a number, and does not return.
    unsafe { libc::_exit(status) }
}

/// Ends the process with this status.
#[cfg(windows)]
#[expect(clippy::exit, reason = "it is what this function is for")]
pub fn end_process(status: i32) -> ! {
    std::process::exit(status)
}
