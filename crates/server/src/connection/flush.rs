//! Writes a connection's pending output, both for the answering worker and for the I/O task.
//!
//! The writer takes the output out and releases the lock, so that no thread ever waits for another
//! thread's system call. The flag `writing` preserves the order; the thread that set it checks for
//! more output before it finishes.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use super::conn::{ClientConnection, State};
use super::outbox::WriteResult;
use crate::telemetry::CloseReason;
use crate::telemetry::record::Record;

/// The result of a write by the I/O task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Progress {
    /// Everything was sent, or the socket is full.
    Done,
    /// More could be sent, after other connections have had their turn.
    Paused,
}

/// The bytes that the I/O task writes for one connection before it serves the others.
const WRITTEN_AT_ONCE_MAX: u64 = 1024 * 1024;

impl ClientConnection {
    /// Writes waiting output, as far as the socket accepts it, and wakes the I/O task if some is
    /// left. Never blocks.
    pub(crate) fn flush(&self, now: Instant) {
        let (mut state, ended, _) = self.write(self.state(), u64::MAX, now);
        if state.needs_io() {
            state.wake_io();
        }
        drop(state);
        self.report(ended, now);
    }

    /// The same for the I/O task, which handles the rest itself, and limits the bytes written at once
    /// to be fair to other connections.
    pub(crate) fn write_out(&self) -> Progress {
        let now = self.shared.clock.instant();
        let (state, ended, progress) = self.write(self.state(), WRITTEN_AT_ONCE_MAX, now);
        drop(state);
        self.report(ended, now);
        progress
    }

    /// Writes without holding the lock. Also returns the record of a response that has been sent
    /// completely.
    fn write<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        most: u64,
        now: Instant,
    ) -> (MutexGuard<'a, State>, Option<Record>, Progress) {
        let mut progress = Progress::Done;
        if state.writing {
            return (state, None, progress);
        }
        while !state.outbox.is_empty() && state.over.is_none() {
            state.writing = true;
            let mut output = state.outbox.take();
            let before = output.len();
            drop(state);
            let written = output.write_to(&self.stream, most);
            let sent = before - output.len();
            state = self.state();
            state.writing = false;
            state.outbox.put_back(output);
            let blocked = matches!(written, WriteResult::Blocked | WriteResult::Paused);
            let is_pending = !state.outbox.is_empty();
            state.protocol.handle_sent(sent, is_pending, now);
            match written {
                WriteResult::Broken(error) => {
                    self.shared.telemetry.socket_error(&self.peer, &error);
                    self.leave(&mut state, CloseReason::Client);
                }
                WriteResult::FileEnded { missing } => {
                    self.shared.telemetry.file_is_short(missing, state.record.as_ref());
                    self.break_off(&mut state, CloseReason::Error);
                }
                WriteResult::FileFailed { error, file } => {
                    let telemetry = &self.shared.telemetry;
                    telemetry.file_failed(&error, file.as_deref(), state.record.as_ref());
                    self.break_off(&mut state, CloseReason::Error);
                }
                WriteResult::Paused => progress = Progress::Paused,
                WriteResult::All | WriteResult::Blocked => {}
            }
            self.notify_waiting_worker(&state);
            if blocked {
                break;
            }
        }
        // A response may have been sent before its end was known: the last chunk reached the declared
        // length, and the iterable ended later. Nothing is left to write then, and it ends here.
        let ended = if state.outbox.is_empty() || state.over.is_some() {
            state.take_answered()
        } else {
            None
        };
        (state, ended, progress)
    }

    /// Moves waiting output from memory to a temporary file. It may block on the disk, so only the
    /// thread that produces the output may call it.
    ///
    /// # Errors
    /// The file cannot be written; the output stays in memory.
    pub(crate) fn spill_output(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.writing || state.over.is_some() {
            return Ok(());
        }
        state.writing = true;
        let mut output = state.outbox.take();
        drop(state);
        let stored = self.shared.temp_files.store(output.copied_bytes());
        let spilt = stored.and_then(|stored| output.spill(&Arc::new(stored)));
        let mut state = self.state();
        state.writing = false;
        state.outbox.put_back(output);
        state.wake_io();
        spilt.map(drop)
    }
}
