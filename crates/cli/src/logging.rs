//! The log: from `tracing` records of any Rust thread to lines on stderr, or to Python's `logging`.
//!
//! Whoever has something to say must never wait for a disk, a terminal or the interpreter: a record
//! goes into a bounded queue, and one thread takes it from there. What does not fit is dropped and
//! counted, and the count is the next record that fits.
//!
//! A record's `target` is the name of its logger when it begins with `maitred.` (`maitred.queue`);
//! every other record belongs to the logger `maitred`.

mod exception;
mod line;
mod python;
mod queue;
mod receiver;

pub(crate) use python::PythonLog;
pub(crate) use receiver::{learn_thread_name, receive};

use std::io::Write;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use maitred_config::LogFormat;

use line::write_line;
use queue::Queue;

/// The logger of what an application writes to `wsgi.errors`. Its lines are always let in, and in
/// text they stand as the application wrote them: they have a shape of their own.
pub(crate) const ERRORS: &str = "maitred.errors";

/// The one queue of this process. Two servers in one process share it, as they share stderr.
fn queue() -> &'static Arc<Queue> {
    static QUEUE: std::sync::LazyLock<Arc<Queue>> = std::sync::LazyLock::new(Arc::default);
    &QUEUE
}

/// Records dropped since the start because the log could not be written fast enough.
pub(crate) fn dropped() -> u64 {
    queue().lost_ever()
}

/// The log of the command line: a thread of its own that writes lines to stderr.
pub(crate) struct StderrLog {
    reader: queue::Reader,
    /// Becomes disconnected when the thread ends.
    ended: mpsc::Receiver<()>,
}

/// How long the last records are waited for when whoever reads stderr does not.
const FLUSH_SECONDS_MAX: u64 = 5;

impl StderrLog {
    /// Starts to write what is in the queue and what will come.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(format: LogFormat) -> std::io::Result<Self> {
        let reader = queue().open();
        let mut records = reader.clone();
        let (alive, ended) = mpsc::channel();
        std::thread::Builder::new().name("maitred-log".into()).spawn(move || {
            let _alive = alive;
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
        Ok(Self { reader, ended })
    }
}

impl Drop for StderrLog {
    /// Writes what has been said so far, and ends.
    fn drop(&mut self) {
        self.reader.close();
        // Nothing is ever sent: it ends by disconnection, or nobody reads and we go.
        let _ = self.ended.recv_timeout(Duration::from_secs(FLUSH_SECONDS_MAX));
    }
}
