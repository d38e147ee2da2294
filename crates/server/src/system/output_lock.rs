//! Lets one process at a time write to an output that several have: a pipe keeps no more than
//! `PIPE_BUF` bytes of one write together, and a line or a traceback can be longer.
//!
//! It is a lock of the kernel on a byte of a file without a name, which is used for nothing else: the
//! kernel releases it when its owner dies. Such a lock belongs to the whole process, and ends when the
//! process closes *any* descriptor of that file; so there is one, for ever, and threads exclude each
//! other beside it. It is not waited for without a limit: a process may stand still while it holds it,
//! and a torn line is better than none.
//!
//! Behind that byte the file has what they have to know of each other's outputs: which of them end in
//! the middle of a line, because there was no room for the rest of it.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::monotonic::now_ns;
use super::unnamed_file;

/// How often it is tried, and the pause between two attempts: a second in all, which is longer than a
/// reader of a pipe stands still that is only busy.
const ATTEMPTS: u32 = 1000;
const PAUSE: Duration = Duration::from_millis(1);

/// How long a process that had its turn leaves it to others before it takes another one.
const REST: Duration = Duration::from_millis(2);

/// How many outputs may be torn at the same time. A process has two, its log and its access log, and
/// more only while these are moved; of two with the same place, one is forgotten.
const PLACES: usize = 64;

/// The size of a place.
const PLACE_BYTES: u64 = 8;

/// The places of a process that is alone.
static OWN_PLACES: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];

/// The lock of this process, if it is one of several.
static LOCK: OnceLock<OutputLock> = OnceLock::new();

#[derive(Debug)]
struct OutputLock {
    file: File,
    /// Whether a thread of this process has it.
    is_held: AtomicBool,
    /// When this process last had it, in monotonic nanoseconds.
    had_until: AtomicU64,
}

/// What to hand to the other processes. `folder` is for the file where the system has no unnamed
/// memory.
///
/// # Errors
/// There is neither memory nor a file.
pub fn file(folder: &Path) -> io::Result<BorrowedFd<'static>> {
    if LOCK.get().is_none() {
        share(unnamed_file::create(folder)?.into());
    }
    LOCK.get().map(|lock| lock.file.as_fd()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// From now on, this process takes turns with those that have the same file.
pub fn share(file: OwnedFd) {
    LOCK.get_or_init(|| OutputLock {
        file: file.into(),
        is_held: AtomicBool::new(false),
        had_until: AtomicU64::new(0),
    });
}

/// Waits for this process's turn, within a limit; until it is dropped, nobody else writes. `None` if
/// this process is alone, or the turn does not come.
pub(crate) fn take_turn() -> Option<Turn> {
    let lock = LOCK.get()?;
    let passed = now_ns().saturating_sub(lock.had_until.load(Ordering::Relaxed));
    if let Some(rest) = REST.checked_sub(Duration::from_nanos(passed)) {
        std::thread::park_timeout(rest);
    }
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::park_timeout(PAUSE);
        }
        if !lock.is_held.swap(true, Ordering::Acquire) {
            if set(lock, libc::F_WRLCK) {
                return Some(Turn(lock));
            }
            lock.is_held.store(false, Ordering::Release);
        }
    }
    None
}

/// How the bytes end that an output has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputEnd {
    /// With the end of a line.
    Line,
    /// In the middle of one.
    TornLine,
}

/// An output, the same for everyone who writes to the same file, pipe or terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputId(u64);

impl OutputId {
    /// That of an open file.
    pub(crate) fn of(file: &Metadata) -> Self {
        Self((file.dev().rotate_right(16) ^ file.ino()).max(1))
    }

    /// How the output ends, whoever has written to it. To be asked in one's turn.
    pub(crate) fn end(self) -> OutputEnd {
        let noted = match LOCK.get() {
            Some(lock) => {
                let mut noted = [0; PLACE_BYTES as usize];
                // Nothing is there before the first line is torn.
                let count = lock.file.read_at(&mut noted, self.offset()).unwrap_or(0);
                if count == noted.len() { u64::from_ne_bytes(noted) } else { 0 }
            }
            None => OWN_PLACES[self.place()].load(Ordering::Relaxed),
        };
        if noted == self.0 { OutputEnd::TornLine } else { OutputEnd::Line }
    }

    /// Notes how the output ends after a write.
    pub(crate) fn note(self, end: OutputEnd) {
        let noted = match end {
            OutputEnd::Line => 0,
            OutputEnd::TornLine => self.0,
        };
        match LOCK.get() {
            // Memory is short where this fails; then one line more is not readable.
            Some(lock) => drop(lock.file.write_all_at(&noted.to_ne_bytes(), self.offset())),
            None => OWN_PLACES[self.place()].store(noted, Ordering::Relaxed),
        }
    }

    fn place(self) -> usize {
        (self.0 % PLACES as u64) as usize
    }

    fn offset(self) -> u64 {
        (1 + self.place() as u64) * PLACE_BYTES
    }
}

/// The turn of this process.
#[derive(Debug)]
pub(crate) struct Turn(&'static OutputLock);

impl Drop for Turn {
    fn drop(&mut self) {
        set(self.0, libc::F_UNLCK);
        self.0.had_until.store(now_ns(), Ordering::Relaxed);
        self.0.is_held.store(false, Ordering::Release);
    }
}

/// Takes or releases the lock of the kernel. Returns whether it could.
fn set(lock: &OutputLock, kind: impl TryInto<libc::c_short>) -> bool {
    // SAFETY: a struct of plain numbers, for which 0 is valid.
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = kind.try_into().unwrap_or_default();
    range.l_len = 1;
    // SAFETY: the descriptor is open, and the kernel only reads the range.
    unsafe { libc::fcntl(lock.file.as_raw_fd(), libc::F_SETLK, &raw const range) != -1 }
}
