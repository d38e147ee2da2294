//! The log: from `tracing` records of any Rust thread to lines on stderr, or to Python's `logging`.
//!
//! Whoever has something to say must never wait for a disk, a terminal or the interpreter: a record
//! goes into a bounded queue, and one thread takes it from there. What does not fit is dropped and
//! counted, and the count is the next record that fits.
//!
//! A record's `target` is the name of its logger when it begins with `maitred.` (`maitred.queue`);
//! every other record belongs to the logger `maitred`.

mod line;
mod python;
mod queue;
mod receiver;

pub(crate) use python::PythonLog;
pub(crate) use receiver::{Threshold, receive};

use std::io::Write;
use std::sync::Arc;
use std::thread::JoinHandle;

use maitred_config::LogFormat;

use line::write_line;
use queue::Queue;

/// The one queue of this process. Two servers in one process share it, as they share stderr.
fn queue() -> &'static Arc<Queue> {
    static QUEUE: std::sync::LazyLock<Arc<Queue>> = std::sync::LazyLock::new(Arc::default);
    &QUEUE
}

/// Records dropped since the start because the log could not be written fast enough.
pub(crate) fn dropped() -> u64 {
    queue().dropped()
}

/// The log of the command line: a thread of its own that writes lines to stderr.
pub(crate) struct StderrLog {
    reader: queue::Reader,
    thread: Option<JoinHandle<()>>,
}

impl StderrLog {
    /// Starts to write what is in the queue and what will come.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(format: LogFormat) -> std::io::Result<Self> {
        let reader = queue().open();
        let mut records = reader.clone();
        let thread = std::thread::Builder::new().name("maitred-log".into()).spawn(move || {
            let mut text = Vec::new();
            while let Some(batch) = records.next_batch() {
                text.clear();
                for record in &batch {
                    write_line(&mut text, record, format);
                }
                // There is nobody left to tell that stderr is gone.
                let _ = std::io::stderr().lock().write_all(&text);
            }
        })?;
        Ok(Self { reader, thread: Some(thread) })
    }
}

impl Drop for StderrLog {
    /// Writes what has been said so far, and ends.
    fn drop(&mut self) {
        self.reader.close();
        if let Some(thread) = self.thread.take() {
            // It panicked: then there is no log to write that to.
            let _ = thread.join();
        }
    }
}
