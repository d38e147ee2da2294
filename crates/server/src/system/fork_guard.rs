//! Keeps descriptors of the server from the processes that the application forks.
//!
//! A forked child has a copy of every descriptor. A child that lives longer than the server
//! (`os.fork`, `multiprocessing`, a C library) would hold its listening sockets: clients connect to
//! them, nobody answers, and the next server cannot have the address. Close-on-exec does not help,
//! because such a child executes nothing. So a handler of pthread_atfork(3), which sees every fork of
//! the process whoever makes it, puts `/dev/null` in the place of each guarded descriptor. The number
//! stays open, because values that the child has inherited own it and will close it.

/// A descriptor that forked children do not get, for as long as this value exists. It must be dropped
/// before the descriptor is closed.
#[derive(Debug)]
pub(crate) struct ForkGuard {
    #[cfg(unix)]
    entry: usize,
    #[cfg(unix)]
    descriptor: i32,
    /// The process that keeps the descriptor.
    process: u32,
}

impl ForkGuard {
    /// Whether this process was forked after the descriptor had been guarded, and does not have it.
    pub(crate) fn is_of_parent(&self) -> bool {
        self.process != std::process::id()
    }
}

#[cfg(unix)]
mod posix {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd as _};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI32, Ordering};

    use super::ForkGuard;

    /// The number of descriptors that can be guarded: two for each listening socket, and a few files.
    const GUARDED_MAX: usize = 1024;

    /// The place of no descriptor.
    const FREE: i32 = -1;

    /// The guarded descriptors. The handler runs in a process that may have any lock held by a thread
    /// that it does not have, so there is none here.
    static GUARDED: [AtomicI32; GUARDED_MAX] = [const { AtomicI32::new(FREE) }; GUARDED_MAX];

    impl ForkGuard {
        /// Guards a descriptor.
        ///
        /// # Errors
        /// Too many are guarded, or the handler cannot be registered.
        pub(crate) fn of(descriptor: &impl AsFd) -> io::Result<Self> {
            register()?;
            let descriptor = descriptor.as_fd().as_raw_fd();
            let take = |place: &AtomicI32| {
                place
                    .compare_exchange(FREE, descriptor, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
            };
            let entry = GUARDED.iter().position(take).ok_or_else(|| {
                io::Error::other(format!("more than {GUARDED_MAX} descriptors are to be guarded"))
            })?;
            Ok(Self { entry, descriptor, process: std::process::id() })
        }
    }

    impl Drop for ForkGuard {
        fn drop(&mut self) {
            // In a forked child, the entry may guard another descriptor by now.
            let _ = GUARDED[self.entry].compare_exchange(
                self.descriptor,
                FREE,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
    }

    /// Registers the handler, once in the life of the process and its children.
    #[expect(unsafe_code, reason = "pthread_atfork(3) has no wrapper in std")]
    fn register() -> io::Result<()> {
        static REGISTERED: OnceLock<i32> = OnceLock::new();
        // SAFETY: the handler lives as long as the program, and calls only what may be called
        // between a fork and an exec.
        let error =
            *REGISTERED.get_or_init(|| unsafe { libc::pthread_atfork(None, None, Some(in_child)) });
        if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
    }

    /// Runs in a forked child, on its only thread, before `fork` returns there. It may call only what
    /// signal-safety(7) lists.
    #[expect(unsafe_code, reason = "it replaces descriptors that other values own")]
    unsafe extern "C" fn in_child() {
        // SAFETY: the path ends in NUL.
        let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
        for place in &GUARDED {
            let descriptor = place.swap(FREE, Ordering::AcqRel);
            if descriptor == FREE {
                continue;
            }
            // SAFETY: the number is open, and whoever owns it keeps an open descriptor, which takes no
            // clients. Without /dev/null it is better closed than shared.
            unsafe {
                if null == -1 || libc::dup2(null, descriptor) == -1 {
                    libc::close(descriptor);
                } else {
                    libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
                }
            }
        }
        if null != -1 {
            // SAFETY: it was opened above, and nobody else has it.
            unsafe { libc::close(null) };
        }
    }
}

#[cfg(not(unix))]
impl ForkGuard {
    /// Does nothing: there is no fork.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn of<T>(_: &T) -> std::io::Result<Self> {
        Ok(Self { process: std::process::id() })
    }
}
