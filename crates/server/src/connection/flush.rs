//! Writes a connection's pending output, both for the answering worker and for the I/O task.
//!
//! The writer borrows the output and the socket, and releases the lock, so that no thread ever waits
//! for another thread's system call. The flag `writing` preserves the order; the thread that set it
//! checks for more output before it finishes.
//!
//! What is in memory can be written without waiting; reading a file may wait for the disk. So a thread
//! that may hold the interpreter's lock leaves files to the I/O task.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use maitred_http_parser::connection::Unsent;

use super::conn::{ClientConnection, State};
use super::outbox::{Outbox, Portion, WriteResult};
use crate::telemetry::CloseReason;
use crate::telemetry::record::Record;
use crate::transport::stream::Stream;

/// The result of a write by the I/O task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Flushed {
    /// Everything was sent, or the socket is full.
    Done,
    /// More could be sent, after other connections have had their turn.
    Paused,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    /// Any thread, which leaves what remains to the I/O task, and everything from the first file on.
    Any,
    /// A worker that holds no lock, and may wait for a disk. It leaves what remains as well.
    Detached,
    /// The I/O task itself. It limits what it writes at once, to be fair to other connections.
    IoTask,
}

impl Writer {
    /// What it may write.
    fn portion(self) -> Portion {
        match self {
            Self::Any => Portion::Memory,
            Self::Detached => Portion::All,
            Self::IoTask => Portion::About(WRITTEN_AT_ONCE_MAX),
        }
    }
}

/// The bytes that the I/O task writes for one connection before it serves the others.
const WRITTEN_AT_ONCE_MAX: u64 = 1024 * 1024;

/// What a thread borrows to write without the lock.
struct Lent {
    output: Outbox,
    stream: Arc<Stream>,
}

impl ClientConnection {
    /// Writes waiting output that is in memory, as far as the socket accepts it, and wakes the I/O
    /// task if some is left. Never blocks.
    pub(crate) fn flush(&self, now: Instant) {
        // Who pauses is the I/O task, which has been woken.
        let _ = self.write(Writer::Any, now);
    }

    /// The same for files, too. It may wait for the disk, so the caller holds no lock, not even that
    /// of the interpreter.
    pub(super) fn flush_files(&self, now: Instant) {
        let _ = self.write(Writer::Detached, now);
    }

    /// The same for the I/O task, which handles the rest itself.
    pub(super) fn write_out(&self) -> Flushed {
        self.write(Writer::IoTask, self.shared.clock.instant())
    }

    /// Writes without holding the lock.
    fn write(&self, writer: Writer, now: Instant) -> Flushed {
        let portion = writer.portion();
        let mut progress = Flushed::Done;
        let mut state = self.state();
        let mut next = state.lend_output(portion);
        while let Some(mut lent) = next {
            drop(state);
            let before = lent.output.len();
            let result = lent.output.write_to(&lent.stream, portion);
            let sent = before - lent.output.len();
            state = self.state();
            state.take_back(lent.output, sent, now);
            let mut may_continue = true;
            match result {
                WriteResult::All => {}
                WriteResult::Blocked => may_continue = false,
                WriteResult::Paused => {
                    progress = Flushed::Paused;
                    may_continue = false;
                }
                failed => self.write_failed(&mut state, failed),
            }
            self.notify_waiting_worker(&state);
            next = if may_continue { state.lend_output(portion) } else { None };
        }
        let ended = state.stop_writing(writer);
        drop(state);
        self.report(ended, now);
        progress
    }

    /// Handles a write that failed.
    #[cold]
    fn write_failed(&self, state: &mut State, result: WriteResult) {
        let telemetry = &self.shared.telemetry;
        match result {
            WriteResult::All | WriteResult::Blocked | WriteResult::Paused => {}
            WriteResult::Broken(error) => {
                telemetry.socket_error(&self.peer, &error);
                self.end(state, CloseReason::Client);
            }
            WriteResult::FileEnded { missing } => {
                telemetry.file_is_short(missing, state.request.head());
                self.break_off(state, CloseReason::Error);
            }
            WriteResult::FileFailed { error, file } => {
                telemetry.file_failed(&error, file.as_deref(), state.request.head());
                self.break_off(state, CloseReason::Error);
            }
        }
    }

    /// Moves waiting output from memory to a temporary file. It may block on the disk, so only the
    /// thread that produces the output may call it.
    ///
    /// # Errors
    /// A file cannot be written, or a budget is exhausted; the rest of the output stays in memory.
    pub(super) fn spill_output(&self) -> io::Result<()> {
        let mut lent = {
            let mut state = self.state();
            let Some(lent) = state.lend() else { return Ok(()) };
            state.spilling = true;
            lent
        };
        let spilt = lent.output.spill(&self.shared.temp_files);
        let mut state = self.state();
        state.writing = false;
        state.spilling = false;
        state.outbox.put_back(lent.output);
        state.settle_output();
        self.notify_waiting_worker(&state);
        state.wake_io();
        spilt
    }
}

impl State {
    /// Lends the output, unless somebody else has it or nothing can be sent any more.
    fn lend(&mut self) -> Option<Lent> {
        if self.writing || self.ending.is_over() {
            return None;
        }
        let stream = self.stream.clone()?;
        self.writing = true;
        Some(Lent { output: self.outbox.take(), stream })
    }

    /// Takes back what was lent, of which so many bytes were sent.
    fn take_back(&mut self, unsent: Outbox, sent: u64, now: Instant) {
        self.writing = false;
        self.outbox.put_back(unsent);
        self.settle_output();
        self.progress.sent(sent);
        let unsent = if self.outbox.is_empty() { Unsent::Nothing } else { Unsent::Something };
        self.protocol.handle_sent(sent, unsent, now);
    }

    /// The same, if there is any of this output.
    fn lend_output(&mut self, portion: Portion) -> Option<Lent> {
        if self.outbox.has_of(portion) { self.lend() } else { None }
    }

    /// Nothing more is written now. Returns the record of a response that has been sent completely.
    fn stop_writing(&mut self, writer: Writer) -> Option<Record> {
        // A response may have been sent before its end was known: the last chunk reached the declared
        // length, and the iterable ended later. Nothing is left to write then, and it ends here.
        let has_ended = !self.writing && (self.outbox.is_empty() || self.ending.is_over());
        if writer != Writer::IoTask && self.needs_io() {
            self.wake_io();
        }
        if has_ended { self.take_answered() } else { None }
    }
}

#[cfg(test)]
#[path = "tests/flush.rs"]
mod tests;
