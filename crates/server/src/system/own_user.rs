//! The user that this process is, and whether its children may be told to become that one: setreuid(2)
//! of one's own number changes nothing, and a sandbox may forbid it all the same.

/// The user that this process is; `None` if it acts as another one, or can become another one again.
pub fn own_user() -> Option<u32> {
    let (mut real, mut effective, mut saved) = (0, 0, 0);
    // SAFETY: it writes to the three numbers that it is given.
    let failed = unsafe { libc::getresuid(&raw mut real, &raw mut effective, &raw mut saved) } != 0;
    (!failed && real == effective && real == saved).then_some(real)
}

/// Whether a child succeeds in becoming this user. It is tried in one, because a sandbox may end a
/// process that asks.
pub fn child_becomes(user: u32) -> bool {
    // SAFETY: the child makes two system calls, which need nothing that another thread might hold.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: both take numbers; the second does not return.
        unsafe { libc::_exit(i32::from(libc::setreuid(user, user) != 0)) }
    }
    child > 0 && status_of(child) == Some(0)
}

/// The wait status of a child; `None` if somebody else waits for every child.
fn status_of(child: libc::pid_t) -> Option<i32> {
    let mut status = 0;
    loop {
        // SAFETY: it writes to the number that it is given.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
            return Some(status);
        }
        if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_becomes_who_it_is_and_this_process_stays_so() {
        let user = own_user().unwrap();
        assert!(child_becomes(user));
        assert_eq!(own_user(), Some(user));
    }

    #[test]
    fn a_child_that_may_not_become_another_tells() {
        if own_user() != Some(0) {
            assert!(!child_becomes(0));
        }
    }
}
