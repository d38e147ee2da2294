//! The log of the command line: a thread that writes lines to standard error.
//!
//! Whatever happens to standard error, nothing else waits for it: a pipe that nobody reads holds this
//! thread alone, and stops a shutdown no longer than [`LAST_RECORDS_WITHIN`]. Each line goes to
//! whatever descriptor 2 is at the moment, without the lock that std keeps on it.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use maitred_config::{ColourUse, LogFields};
use maitred_server::telemetry::line_output::LineOutput;

use super::line::{self, LineFormat, write_line};
use super::process_queue;
use super::queue::{self, Queue, Record};

/// The maximum time to write the last records if nobody reads standard error. A stop as a whole ends
/// within two seconds of its deadlines, whatever the log does.
const LAST_RECORDS_WITHIN: Duration = Duration::from_millis(500);

/// The format of lines: an index of [`FORMATS`]. Set before any thread of the server exists; a reload may
/// change that of a supervisor.
static FORMAT: AtomicUsize = AtomicUsize::new(0);

const FORMATS: [LineFormat; 7] = [
    LineFormat::Text,
    LineFormat::Console(ColourUse::OnTerminals),
    LineFormat::Console(ColourUse::Always),
    LineFormat::Console(ColourUse::Never),
    LineFormat::Json(LogFields::Plain),
    LineFormat::Json(LogFields::Google),
    LineFormat::Json(LogFields::Ecs),
];

/// The format of lines.
pub(super) fn format() -> LineFormat {
    FORMATS.get(FORMAT.load(Ordering::Relaxed)).copied().unwrap_or(LineFormat::Text)
}

/// Sets the format of lines.
pub(super) fn set_format(format: LineFormat) {
    let index = FORMATS.iter().position(|known| *known == format);
    FORMAT.store(index.unwrap_or_default(), Ordering::Relaxed);
}

/// The running thread. Dropping it writes the remaining records.
pub(crate) struct StderrLog {
    reader: queue::Reader,
    /// Becomes disconnected when the thread ends.
    ended: mpsc::Receiver<()>,
    /// The process that has the thread.
    process: u32,
}

impl StderrLog {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(format: LineFormat) -> io::Result<Self> {
        set_format(format);
        let queue = process_queue::get_or_create();
        let reader = queue.open();
        let mut records = reader.clone();
        let (alive, ended) = mpsc::channel();
        std::thread::Builder::new().name("maitred-log".into()).spawn(move || {
            let _alive = alive;
            let mut writer = Writer::default();
            while let Some(batch) = records.next_batch() {
                writer.write(&batch, queue);
            }
        })?;
        Ok(Self { reader, ended, process: std::process::id() })
    }

    /// Starts the thread anew if this process was forked from the one that has it: an application may
    /// turn the process into a daemon when it is imported.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn follow_fork(&mut self) -> io::Result<()> {
        if self.process != std::process::id() {
            *self = Self::start(format())?;
        }
        Ok(())
    }
}

impl Drop for StderrLog {
    /// Writes the remaining records, and ends the thread.
    fn drop(&mut self) {
        if self.process != std::process::id() {
            return; // a forked child, where the thread does not exist, and a lock may be held for ever
        }
        self.reader.close();
        // Nothing is ever sent: it returns when the thread ends, or after the timeout.
        let _ = self.ended.recv_timeout(LAST_RECORDS_WITHIN);
    }
}

/// The state of the thread.
#[derive(Default)]
struct Writer {
    text: Vec<u8>,
    /// Where each record of `text` ends.
    ends: Vec<usize>,
    output: LineOutput,
}

impl Writer {
    /// Writes records, and counts those that standard error does not take.
    fn write(&mut self, batch: &[Record], queue: &Queue) {
        self.text.clear();
        self.ends.clear();
        let medium = medium();
        for record in batch {
            write_line(&mut self.text, record, format(), medium);
            self.ends.push(self.text.len());
        }
        let written = match duplicate() {
            Ok(mut file) => self.output.write(&mut file, &self.text),
            // No descriptor is left.
            Err(_) => self.output.write(&mut io::stderr().lock(), &self.text),
        };
        // The error itself cannot be reported anywhere.
        if let Err(unwritten) = written {
            let lost = self.ends.iter().filter(|end| **end > unwritten.written).count();
            queue.could_not_be_written(lost.try_into().unwrap_or(u64::MAX));
        }
    }
}

/// Writes the records that wait for a log that was not started. It blocks as long as standard error
/// does.
pub(super) fn write_waiting() {
    let Some(mut reader) = process_queue::get().and_then(Queue::open_unread) else { return };
    reader.close();
    while let Some(batch) = reader.next_batch() {
        batch.iter().for_each(write_now);
    }
}

/// Writes one record at once, in a single call, without waiting for any lock.
pub(super) fn write_now(record: &Record) {
    let mut text = Vec::new();
    write_line(&mut text, record, format(), medium());
    // In a forked child there is nobody to tell that standard error is gone.
    let _ = duplicate().and_then(|mut file| file.write_all(&text));
}

/// What standard error is.
pub(super) fn medium() -> line::Medium {
    if io::stderr().is_terminal() { line::Medium::Terminal } else { line::Medium::Other }
}

/// Standard error as a file of our own.
#[cfg(unix)]
fn duplicate() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    io::stderr().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn duplicate() -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    io::stderr().as_handle().try_clone_to_owned().map(File::from)
}
