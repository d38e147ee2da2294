//! What the system does with a signal of this process: a handler that was installed in C, as
//! `faulthandler.register` does, is unknown to Python's `signal` module.

/// Whether the system acts on a signal as on any program: no handler is installed, and it is not
/// ignored.
pub fn is_default(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action it only writes the current one, to a struct of the right type that
    // lives until then; one of zeros is valid.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_DFL
    }
}

/// Ignores SIGTTIN and SIGTTOU from now on: who uses the terminal in the background gets an error
/// instead. The handlers that Python knows stay known there, so that one whose signal has arrived
/// still runs.
///
/// # Errors
/// They cannot be ignored.
pub fn ignore_those_of_terminals() -> std::io::Result<()> {
    for signal in [libc::SIGTTIN, libc::SIGTTOU] {
        // SAFETY: it touches no memory, and sets no function as a handler.
        if unsafe { libc::signal(signal, libc::SIG_IGN) } == libc::SIG_ERR {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_has_no_default_action_and_one_that_does_not_exist_has_none() {
        // Rust's runtime ignores this one.
        assert!(!is_default(libc::SIGPIPE));
        assert!(is_default(libc::SIGURG));
        assert!(!is_default(-1));
    }
}
