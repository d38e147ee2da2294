//! Replaces the worker when a file of its code changes: `reload`, for development.
//!
//! Workers report which files they have read (`maitred/_code_report.py`), each on a socket of its own.
//! A thread of the supervisor looks at the files, because no notification reaches it from every kind
//! of file system, and asks for a reload when they have come to rest. A worker that fails to import
//! the application reports, too, so that the repair is noticed wherever the fault is. While a debugger
//! waits for its user nothing is replaced: before a reload the workers are asked.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, UNIX_EPOCH};

use maitred_server::supervisor::handle::SupervisorHandle;
use serde_json::Value as Json;

use super::code_changes::{Disk, Look, Stamp, WatchedCode};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// How long files must rest before they are read: a version control system writes many.
const REST_FOR: Duration = Duration::from_millis(60);

/// How long a worker may take to tell whether a debugger waits. One that computes in C, or holds the
/// interpreter for longer, is replaced as any other.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The most bytes of one report.
const REPORT_MAX: usize = 8 << 20;

/// The thread that watches. It ends when this is dropped.
#[derive(Clone, Debug)]
pub(super) struct CodeWatch(mpsc::Sender<Message>);

#[derive(Debug)]
enum Message {
    /// A new worker reports here.
    Worker(UnixStream),
    /// This file decides, too.
    File(PathBuf),
    /// The first worker serves, or a reload has ended.
    Settled(Outcome),
}

/// What the workers serve now, as far as the watch is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The newest code.
    New,
    /// The old code, if any, because the new one cannot be.
    Old,
}

impl CodeWatch {
    /// Begins to watch. `supervisor` is asked to reload.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(supervisor: SupervisorHandle) -> io::Result<Self> {
        let (sender, messages) = mpsc::channel();
        let mut watcher = Watcher {
            code: WatchedCode::default(),
            workers: Vec::new(),
            state: State::Reloading,
            has_told: false,
            supervisor,
        };
        std::thread::Builder::new()
            .name("maitred-code".into())
            .spawn(move || while watcher.step(&messages).is_some() {})?;
        Ok(Self(sender))
    }

    /// The end of a socket on which a new worker reports.
    ///
    /// # Errors
    /// No descriptors are left.
    pub(super) fn reports(&self) -> io::Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        self.tell(Message::Worker(ours));
        Ok(theirs.into())
    }

    /// Watches a file that no worker reports.
    pub(super) fn add(&self, file: PathBuf) {
        self.tell(Message::File(file));
    }

    /// Tells that the first worker serves, or that a reload has ended, also one that somebody else has
    /// asked for.
    pub(super) fn settled(&self, outcome: Outcome) {
        self.tell(Message::Settled(outcome));
    }

    fn tell(&self, message: Message) {
        // The thread ends only when there is nobody to tell it anything.
        let _ = self.0.send(message);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The workers serve what is on the disk, or have tried to.
    Resting,
    /// Something has changed, and may still be changing.
    Changing,
    /// The workers are asked for debuggers. The rest of [`ANSWER_WITHIN`].
    Asking(Duration),
    /// A debugger waits, and the change does, too.
    Debugging,
    /// The first worker starts, or a reload runs.
    Reloading,
}

/// What the thread has.
struct Watcher {
    code: WatchedCode,
    workers: Vec<Reports>,
    state: State,
    /// Whether it was logged that a change waits for a debugger.
    has_told: bool,
    supervisor: SupervisorHandle,
}

/// The reports of a worker.
struct Reports {
    socket: UnixStream,
    unread: Vec<u8>,
    debugger: Debugger,
}

/// Whether a debugger has stopped a thread of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Debugger {
    Waits,
    Absent,
    /// The worker was asked, and has not answered yet.
    Unknown,
}

impl Watcher {
    /// Waits, and does what is to be done then. `None` when nobody wants it any more.
    fn step(&mut self, messages: &mpsc::Receiver<Message>) -> Option<()> {
        let is_soon = matches!(self.state, State::Changing | State::Asking(_));
        match messages.recv_timeout(if is_soon { REST_FOR } else { LOOK_EVERY }) {
            Ok(Message::Worker(socket)) => {
                let debugger = Debugger::Absent;
                self.workers.push(Reports { socket, unread: Vec::new(), debugger });
                return Some(());
            }
            Ok(Message::File(file)) => {
                if let Some(stamp) = Files.stamp(&file) {
                    self.code.was_read(file, stamp);
                }
                return Some(());
            }
            Ok(Message::Settled(outcome)) => {
                self.state = State::Resting;
                if outcome == Outcome::New {
                    self.code.is_complete();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        let code = &mut self.code;
        self.workers.retain_mut(|worker| worker.hear(code) == Progress::Open);
        let look = self.code.look(&Files);
        if self.state != State::Reloading && self.code.changed().next().is_some() {
            self.state = self.after(look);
        }
        Some(())
    }

    /// The next state, when something has changed.
    fn after(&mut self, look: Look) -> State {
        let answers: Vec<_> = self.workers.iter().map(|worker| worker.debugger).collect();
        match self.state {
            State::Resting => State::Changing,
            State::Changing if look == Look::Changed => State::Changing,
            State::Changing | State::Debugging => {
                self.workers.iter_mut().for_each(Reports::ask);
                State::Asking(ANSWER_WITHIN)
            }
            State::Asking(rest) if answers.contains(&Debugger::Unknown) && !rest.is_zero() => {
                State::Asking(rest.saturating_sub(REST_FOR))
            }
            State::Asking(_) if answers.contains(&Debugger::Waits) => {
                if !std::mem::replace(&mut self.has_told, true) {
                    let changed = self.changed();
                    let when = "it is loaded when the debugger is done";
                    tracing::info!(target: "maitred", "{changed} changed; {when}");
                }
                State::Debugging
            }
            State::Asking(_) => {
                tracing::info!(target: "maitred", "{} changed", self.changed());
                self.has_told = false;
                self.code.forget_changes();
                self.supervisor.reload();
                State::Reloading
            }
            State::Reloading => State::Reloading,
        }
    }

    /// What has changed, for people.
    fn changed(&self) -> String {
        let mut changed = self.code.changed().map(shown);
        let first = changed.next().unwrap_or_default();
        match changed.count() {
            0 => first,
            more => format!("{first} and {more} more"),
        }
    }
}

/// Whether a worker may report more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Open,
    Ended,
}

impl Reports {
    /// Asks whether a debugger waits.
    fn ask(&mut self) {
        // One that is gone, or has not answered for long, is not waited for.
        if self.debugger != Debugger::Unknown && self.socket.write_all(b"?").is_ok() {
            self.debugger = Debugger::Unknown;
        }
    }

    /// Reads what the worker has reported.
    fn hear(&mut self, code: &mut WatchedCode) -> Progress {
        let mut buffer = [0; 16 << 10];
        let progress = loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => break Progress::Ended,
                Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Progress::Open,
                Err(_) => break Progress::Ended,
            }
            if self.unread.len() > REPORT_MAX {
                break Progress::Ended;
            }
        };
        while let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            // What is no report comes from a program that wrote to a descriptor of ours.
            let Ok(report) = serde_json::from_slice::<Json>(&line) else { return Progress::Ended };
            self.follow(&report, code);
        }
        progress
    }

    fn follow(&mut self, report: &Json, code: &mut WatchedCode) {
        let entries = |name: &str| report[name].as_array().into_iter().flatten();
        for file in entries("files") {
            let stamp = (file[1].as_i64().unwrap_or_default(), file[2].as_u64());
            if let (Some(path), (written, Some(size))) = (file[0].as_str(), stamp) {
                code.was_read(path.into(), (written.into(), size));
            }
        }
        for (folder, names) in report["folders"].as_object().into_iter().flatten() {
            let names = names.as_array().into_iter().flatten().filter_map(Json::as_str);
            let modules = names.map(OsString::from).filter(|name| is_module(name)).collect();
            code.was_searched(folder.into(), modules);
        }
        match report["debugged"].as_bool() {
            Some(true) => self.debugger = Debugger::Waits,
            Some(false) => self.debugger = Debugger::Absent,
            None => {}
        }
    }
}

/// A path as a developer knows it: from the working directory.
fn shown(path: &Path) -> String {
    let from_here = std::env::current_dir().ok();
    let inside = from_here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    inside.unwrap_or(path).display().to_string()
}

/// The file system.
struct Files;

impl Disk for Files {
    fn stamp(&self, file: &Path) -> Option<Stamp> {
        let metadata = std::fs::metadata(file).ok()?;
        let written = metadata.modified().ok()?;
        // Before 1970 is as good a time as any, if it stays the same.
        let nanoseconds = match written.duration_since(UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()).ok()?,
            Err(error) => -i128::try_from(error.duration().as_nanos()).ok()?,
        };
        Some((nanoseconds, metadata.len()))
    }

    fn modules(&self, folder: &Path) -> BTreeSet<OsString> {
        let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
        entries.flatten().map(|entry| entry.file_name()).filter(|name| is_module(name)).collect()
    }
}

/// Whether a name of a file may be that of a module or package: editors and interpreters have files of
/// their own beside them.
fn is_module(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let stem = name.strip_suffix(".py").unwrap_or(name);
    !stem.starts_with("__pycache__")
        && stem.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
}
