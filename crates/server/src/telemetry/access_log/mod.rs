//! The access log: one line for each finished request, whatever its outcome.
//!
//! The thread that ends a request may be a worker that holds the interpreter's lock, so it only
//! hands over the data: a dedicated thread formats and writes the lines. The buffer between them is
//! bounded, in lines and in bytes. If the disk or the reader of standard output is too slow, lines
//! are dropped and counted (`maitred_log_dropped_total`), and no thread waits.
//!
//! The log thread is woken once for the first line after a pause. While more arrive it polls, so
//! that a request does not cost a wake-up.

use std::io;
use std::sync::{Arc, MutexGuard, mpsc};
use std::time::{Duration, Instant, SystemTime};

use maitred_config::{AccessLogFormat, LogFields, Settings};

use super::rate_limit::RateLimit;
use crate::system::clock::Clock;
use crate::system::mutex::{Condvar, Mutex};
use crate::telemetry::console::Colours;
use crate::telemetry::line_output::Unwritten;
use crate::telemetry::record::Record;

mod console;
mod dialects;
mod format;
mod json;
mod output;
mod queries;

pub use dialects::ECS_VERSION;
use output::Output;
use queries::Queries;

/// The maximum number of lines that wait to be written.
const LINES_MAX: usize = 32 * 1024;

/// The maximum bytes of request heads and other values in these lines.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bytes written at once. More would not be cheaper, and would stay allocated.
const PIECE_BYTES: usize = 64 * 1024;

/// How long lines are collected before they are written together. After much longer, their data
/// would have left the CPU caches.
const COLLECT: Duration = Duration::from_millis(10);

/// The maximum time to write the last lines if nobody reads them.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// An ended request.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: Record,
    pub(super) ended_at: Instant,
}

/// What is written of an ended request.
struct Line<'a> {
    entry: &'a Entry,
    ended_at: SystemTime,
    /// The number of the process.
    worker: usize,
    queries: Queries,
    /// The names of fields in JSON.
    names: LogFields,
}

/// Why the access log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened or created.
    #[error("cannot open the access log {path}: {reason}")]
    File {
        /// The path.
        path: String,
        /// The reason.
        reason: io::Error,
    },
    /// Its thread could not be started.
    #[error("cannot start the access log: {0}")]
    Thread(io::Error),
}

/// The log, and the thread that writes it.
#[derive(Debug)]
pub(super) struct AccessLog {
    queue: Arc<EntryQueue>,
    exclude: Vec<String>,
    /// Becomes disconnected when the thread has ended; `None` once that has been waited for.
    ended: Mutex<Option<mpsc::Receiver<()>>>,
}

#[derive(Debug, Default)]
struct EntryQueue {
    buffer: Mutex<Buffer>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Buffer {
    entries: Vec<Entry>,
    bytes: usize,
    /// The thread sleeps until it is woken.
    is_asleep: bool,
    reopen: bool,
    closed: bool,
}

impl AccessLog {
    /// Opens the access log of the settings, if they have one, for the process of this number.
    /// `failed` is called with the number of lines that could not be written.
    pub(super) fn open(
        settings: &Settings,
        worker: usize,
        clock: Arc<Clock>,
        failed: impl Fn(u64) + Send + 'static,
    ) -> Result<Option<Self>, OpenError> {
        let Some(target) = &settings.observability.access_log else { return Ok(None) };
        let output = Output::open(target)
            .map_err(|reason| OpenError::File { path: target.to_string(), reason })?;
        let queue = Arc::new(EntryQueue::default());
        let (alive, ended) = mpsc::channel();
        let writer = LogWriter {
            queue: Arc::clone(&queue),
            format: settings.observability.access_log_format.clone(),
            colours: output.colours(settings.observability.colours),
            queries: Queries::of(&settings.observability),
            names: settings.observability.log_fields,
            worker,
            output,
            failed,
            clock,
            complaints: RateLimit::new(1, Duration::from_secs(60)),
        };
        std::thread::Builder::new()
            .name("maitred-access".into())
            .spawn(move || {
                let _alive = alive;
                writer.run();
            })
            .map_err(OpenError::Thread)?;
        let exclude = settings.observability.access_log_exclude.clone();
        Ok(Some(Self { queue, exclude, ended: Mutex::new(Some(ended)) }))
    }

    /// Queues a line for a request. Returns false if there is no room.
    pub(super) fn push(&self, record: Record, ended_at: Instant) -> bool {
        if self.is_excluded(&record) {
            return true;
        }
        let size = size_of::<Entry>()
            + record.head.as_ref().map_or(0, |head| head.held_bytes())
            + record.logged.as_ref().map_or(0, |values| values.held_bytes());
        let mut buffer = self.queue.buffer();
        if buffer.closed || buffer.entries.len() >= LINES_MAX || buffer.bytes + size > BYTES_MAX {
            return false;
        }
        let was_calm = buffer.is_calm();
        buffer.bytes += size;
        buffer.entries.push(Entry { record, ended_at });
        let has_become_urgent = was_calm && !buffer.is_calm();
        if std::mem::take(&mut buffer.is_asleep) || has_become_urgent {
            drop(buffer);
            self.queue.filled.notify_one();
        }
        true
    }

    /// Whether the request is excluded: its status is below 400 and its path in `access-log-exclude`.
    fn is_excluded(&self, record: &Record) -> bool {
        !self.exclude.is_empty()
            && record.code() < 400
            && record
                .head
                .as_ref()
                .is_some_and(|head| self.exclude.iter().any(|path| path.as_bytes() == head.path()))
    }

    /// Reopens the file, after log rotation has moved it.
    pub(super) fn reopen(&self) {
        self.queue.buffer().reopen = true;
        self.queue.filled.notify_one();
    }

    /// Writes the remaining lines, and ends the thread. Waits for that once.
    pub(super) fn close(&self) {
        self.queue.buffer().closed = true;
        self.queue.filled.notify_one();
        let ended = self.ended.lock().take();
        if let Some(ended) = ended {
            // Returns when the thread has ended, or after the timeout if nobody reads the log.
            let _ = ended.recv_timeout(FLUSH_WITHIN);
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.close();
    }
}

impl EntryQueue {
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock()
    }
}

impl Buffer {
    /// Whether it is less than half full.
    fn is_calm(&self) -> bool {
        self.entries.len() < LINES_MAX / 2 && self.bytes < BYTES_MAX / 2
    }
}

/// The thread of the log.
struct LogWriter<F> {
    queue: Arc<EntryQueue>,
    format: AccessLogFormat,
    colours: Colours,
    queries: Queries,
    names: LogFields,
    /// The number of the process.
    worker: usize,
    output: Output,
    failed: F,
    clock: Arc<Clock>,
    complaints: RateLimit,
}

impl<F: Fn(u64)> LogWriter<F> {
    fn run(mut self) {
        let (mut text, mut entries) = (Vec::new(), Vec::new());
        loop {
            let (reopen, closed) = self.wait(&mut entries);
            if reopen && let Err(error) = self.output.reopen() {
                // The old file stays open, so that lines are not lost.
                tracing::error!(target: "maitred", "cannot reopen the access log: {error}");
            }
            let (now, wall) = (self.clock.instant(), self.clock.wall());
            for entry in &entries {
                let ended = wall - now.saturating_duration_since(entry.ended_at);
                let (worker, queries, names) = (self.worker, self.queries, self.names);
                let line = Line { entry, ended_at: ended, worker, queries, names };
                format::write(&self.format, self.colours, &mut text, &line);
                text.push(b'\n');
                if text.len() >= PIECE_BYTES {
                    self.write(&mut text);
                }
            }
            if !text.is_empty() {
                self.write(&mut text);
            }
            if closed {
                return;
            }
            // The capacity is reused, as long as half of it is needed.
            entries.shrink_to(2 * entries.len());
            entries.clear();
            self.collect();
        }
    }

    /// Writes `text`, and empties it.
    fn write(&mut self, text: &mut Vec<u8>) {
        if let Err(Unwritten { written, error }) = self.output.write(text) {
            let lost = text[written..].iter().filter(|byte| **byte == b'\n').count();
            (self.failed)(lost.try_into().unwrap_or(u64::MAX));
            if self.complaints.take(self.clock.instant()).is_some() {
                tracing::error!(target: "maitred", "cannot write the access log: {error}");
            }
        }
        text.clear();
    }

    /// Sleeps until there is work, and swaps `entries` with the queued ones. Returns whether to
    /// reopen the file, and whether these entries were the last.
    fn wait(&self, entries: &mut Vec<Entry>) -> (bool, bool) {
        let mut buffer = self.queue.buffer();
        while buffer.entries.is_empty() && !buffer.closed && !buffer.reopen {
            buffer.is_asleep = true;
            buffer = self.queue.filled.wait(buffer);
        }
        buffer.is_asleep = false;
        buffer.bytes = 0;
        std::mem::swap(&mut buffer.entries, entries);
        (std::mem::take(&mut buffer.reopen), buffer.closed)
    }

    /// Waits while lines are collected.
    fn collect(&self) {
        let buffer = self.queue.buffer();
        let may_wait = |buffer: &mut Buffer| !buffer.closed && !buffer.reopen && buffer.is_calm();
        drop(self.queue.filled.wait_timeout_while(buffer, COLLECT, may_wait));
    }
}
