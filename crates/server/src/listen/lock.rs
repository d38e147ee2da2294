//! The lock of a Unix socket, held from bind to close.
//!
//! A socket that is bound and not yet listening refuses connections, as one does that a killed server
//! has left behind. Only a lock tells them apart, because the kernel releases it with the process
//! that holds it. It is a file beside the socket, `PATH.lock`, which is removed at the end; flock(2)
//! also works between containers that share a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::system::fork_guard::ForkGuard;

/// A lock that is held. Dropping it removes its file, in the process that took it.
#[derive(Debug)]
pub(crate) struct SocketLock {
    /// Keeps the lock from forked children, which would hold it as long as they live.
    #[expect(dead_code, reason = "it is there to be dropped, before the file is closed")]
    guard: ForkGuard,
    path: PathBuf,
    #[expect(dead_code, reason = "the lock lasts as long as the file is open")]
    file: File,
    owner: u32,
}

impl SocketLock {
    /// Takes the lock of the socket at `socket`; `None` if another server has it.
    ///
    /// # Errors
    /// The file cannot be created or opened.
    pub(super) fn take(socket: &Path) -> io::Result<Option<Self>> {
        let mut path = socket.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            let file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if is_still_at(&file, &path)? {
                let guard = ForkGuard::of(&file)?;
                return Ok(Some(Self { guard, path, file, owner: std::process::id() }));
            }
            // Its last owner has removed it meanwhile, and another process may lock a new one.
        }
    }
}

/// Opens the lock file. One that another user left behind can still be locked, though not written.
fn open(path: &Path) -> io::Result<File> {
    let options = || {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).mode(0o644);
        options
    };
    match options().write(true).create(true).truncate(false).open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => match options().open(path) {
            Err(missing) if missing.kind() == ErrorKind::NotFound => Err(error),
            opened => opened,
        },
        opened => opened,
    }
}

fn is_still_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for SocketLock {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            // A file that stays is not locked, and harms nobody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
