//! Descriptors that are kept back for looking at a process that has no other left.
//!
//! A process at its limit of open files can neither accept a connection nor read `/proc`, so its probes
//! and metrics would fail just when they are needed. A few descriptors are therefore held from the start
//! ([`SpareDescriptors::keep`]), whoever uses up the rest: clients, or the application. One is let go when
//! a connection or a file needs its place ([`release`]), and held again as soon as it is free
//! ([`hold_again`]). Another thread may be faster once, hence there are several, and clients get none
//! before all of them are back ([`are_complete`]).
//!
//! Descriptors belong to the process, and so does what is kept of them.

use std::fs::File;
#[cfg(unix)]
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::mutex::Mutex;

/// How many are kept: for the connections of a scrape, of the probes, and of a person.
pub(crate) const SPARE: usize = 8;

/// The file that takes their places.
#[cfg(unix)]
const PLACEHOLDER: &str = "/dev/null";

static KEPT: Mutex<Kept> = Mutex::new(Kept { users: 0, files: Vec::new() });

/// Whether one of them has been let go.
static IS_INCOMPLETE: AtomicBool = AtomicBool::new(false);

struct Kept {
    /// The values of [`SpareDescriptors`].
    users: usize,
    files: Vec<File>,
}

/// A file that does nothing but take the place of another one.
///
/// # Errors
/// There is no place left.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "a device is no settings file")]
pub(crate) fn placeholder() -> io::Result<File> {
    File::open(PLACEHOLDER)
}

/// Spare descriptors are kept while this value exists.
#[derive(Debug)]
pub(crate) struct SpareDescriptors(());

impl SpareDescriptors {
    /// Begins to keep them, if nobody does yet.
    pub(crate) fn keep() -> Self {
        let mut kept = KEPT.lock();
        kept.users += 1;
        kept.fill();
        Self(())
    }
}

impl Drop for SpareDescriptors {
    fn drop(&mut self) {
        let mut kept = KEPT.lock();
        kept.users -= 1;
        if kept.users == 0 {
            kept.files.clear();
            IS_INCOMPLETE.store(false, Ordering::Relaxed);
        }
    }
}

impl Kept {
    #[cfg(unix)]
    fn fill(&mut self) {
        while self.users > 0 && self.files.len() < SPARE {
            match placeholder() {
                Ok(file) => self.files.push(file),
                Err(_) => break,
            }
        }
        let is_incomplete = self.users > 0 && self.files.len() < SPARE;
        IS_INCOMPLETE.store(is_incomplete, Ordering::Relaxed);
    }

    /// Windows has no limit.
    #[cfg(not(unix))]
    fn fill(&mut self) {}
}

/// Lets one go, so that its place can be taken. Returns whether there was one.
pub(crate) fn release() -> bool {
    let mut kept = KEPT.lock();
    let released = kept.files.pop();
    if released.is_some() {
        IS_INCOMPLETE.store(true, Ordering::Relaxed);
    }
    released.is_some()
}

/// Holds again what has been let go, as far as it is free.
pub(crate) fn hold_again() {
    if !are_complete() {
        KEPT.lock().fill();
    }
}

/// Whether none of them is let go.
pub(crate) fn are_complete() -> bool {
    !IS_INCOMPLETE.load(Ordering::Relaxed)
}

/// Calls `read`, and once more with a free descriptor if it found none.
#[cfg(target_os = "linux")]
pub(crate) fn read_with_one<R>(read: impl Fn() -> Option<R>) -> Option<R> {
    if let Some(result) = read() {
        return Some(result);
    }
    if !release() {
        return None;
    }
    let result = read();
    hold_again();
    result
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// One test, because the descriptors are those of the process.
    #[test]
    fn spare_descriptors_are_kept_while_somebody_wants_them() {
        assert!(are_complete() && !release());
        let first = SpareDescriptors::keep();
        let second = SpareDescriptors::keep();
        assert_eq!(KEPT.lock().files.len(), SPARE);
        assert!(release());
        assert!(!are_complete());
        hold_again();
        assert!(are_complete());
        assert_eq!(KEPT.lock().files.len(), SPARE);
        drop(first);
        assert_eq!(KEPT.lock().files.len(), SPARE);

        let mut calls = std::cell::Cell::new(0);
        let read = || {
            calls.set(calls.get() + 1);
            (calls.get() == 2).then_some("read")
        };
        assert_eq!(read_with_one(read), Some("read"));
        assert_eq!(*calls.get_mut(), 2);
        assert!(are_complete());

        assert!(release());
        drop(second);
        assert!(are_complete() && !release());
    }
}
