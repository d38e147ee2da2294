//! Who is the parent of orphans, and which process ends with its parent: prctl(2) of Linux.

use std::io;

/// As long as this exists, orphans among the descendants of this process become its children.
#[derive(Debug)]
pub struct Subreaper(());

impl Subreaper {
    /// Makes this process the one that takes over orphans.
    ///
    /// # Errors
    /// The system has no such processes, or refuses.
    pub fn begin() -> io::Result<Self> {
        set(Adoption::Here).map(|()| Self(()))
    }
}

impl Drop for Subreaper {
    fn drop(&mut self) {
        // What it had allowed before, the system allows.
        let _ = set(Adoption::Elsewhere);
    }
}

/// Where orphans go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adoption {
    Here,
    Elsewhere,
}

#[cfg(target_os = "linux")]
fn set(adoption: Adoption) -> io::Result<()> {
    let is_here = libc::c_ulong::from(adoption == Adoption::Here);
    // SAFETY: it sets an attribute of this process, and touches no memory.
    match unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, is_here, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn set(_adoption: Adoption) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// From now on the kernel kills this process when the thread that has started it ends. What it forks is
/// not killed.
///
/// # Errors
/// The system cannot do that.
#[cfg(target_os = "linux")]
pub(crate) fn end_with_parent() -> io::Result<()> {
    let signal = libc::SIGKILL.unsigned_abs();
    // SAFETY: as above.
    match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::c_ulong::from(signal), 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// As above.
#[cfg(not(target_os = "linux"))]
pub(crate) fn end_with_parent() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
