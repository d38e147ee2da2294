//! Whether this process has children, which have its sockets as well.

/// Whether this process has a child; also true if that cannot be known.
pub(crate) fn exist() -> bool {
    let mut about = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // It neither reaps a child nor blocks.
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: it writes to the struct that it is given, which is large enough and lives until then.
    let status = unsafe { libc::waitid(libc::P_ALL, 0, about.as_mut_ptr(), options) };
    status == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ECHILD)
}
