//! The queue of log records between the threads that log and the one that writes.
//!
//! It is bounded by records and by bytes, so that neither many records nor one huge traceback can
//! exhaust memory. The lock is held only to push one record or to take all, never to format or
//! write. Who must know that its records have been written waits for that, with a limit.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::exception::Exception;

/// The maximum number of records that wait to be written.
pub(super) const RECORDS_MAX: usize = 4096;

/// The maximum bytes of text that wait to be written.
pub(super) const BYTES_MAX: usize = 4 << 20;

/// How severe a record is, in the order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Trace,
    Debug,
    Info,
    Warning,
    Error,
}

/// A log record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) time: SystemTime,
    pub(super) severity: Severity,
    /// The name of the logger: `maitred`, a name that begins with `maitred.`, or the application's.
    pub(super) logger: Cow<'static, str>,
    /// The name of the thread that logged it.
    pub(super) thread: Box<str>,
    pub(super) message: String,
    pub(super) fields: Fields,
    /// What it is about, where that is an exception and the log goes to Python.
    pub(super) exception: Option<Exception>,
}

/// The fields of a record, each with its name.
pub(super) type Fields = Vec<(Cow<'static, str>, Value)>;

/// The value of a field of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i128),
    Real(f64),
    Bool(bool),
}

/// The time of a record that is made now. There is a log before there is a server with a clock.
#[expect(clippy::disallowed_methods, reason = "the clock of the log")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

impl Record {
    /// Its approximate size in bytes.
    fn size(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| match value {
            Value::Text(text) => name.len() + text.len(),
            Value::Whole(_) | Value::Real(_) | Value::Bool(_) => name.len() + 16,
        });
        self.message.len() + fields.sum::<usize>() + 64
    }
}

/// The records that wait to be written.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    /// Notified when the reader has written what it took.
    emptied: Condvar,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    bytes: usize,
    /// Dropped since the last batch was taken.
    dropped: u64,
    /// Dropped since the start.
    dropped_total: u64,
    /// Accepted since the start.
    accepted: u64,
    /// How many of the accepted records the reader has taken.
    taken: u64,
    /// How many of the accepted records the reader has written.
    written: u64,
    /// Which reader may take records; a new one takes the place of the one before.
    reader: u64,
    /// Whether there is a reader.
    is_read: bool,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A panic while the lock was held cannot leave the queue in an invalid state.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record, or drops it if there is no room.
    pub(super) fn push(&self, record: Record) {
        self.add(self.lock(), record);
    }

    /// Adds a record, or returns it if the last reader has ended, and nobody would read it.
    pub(super) fn push_for_reader(&self, record: Record) -> Option<Record> {
        let waiting = self.lock();
        if waiting.closed && !waiting.is_read {
            return Some(record);
        }
        self.add(waiting, record);
        None
    }

    fn add(&self, mut waiting: MutexGuard<'_, Waiting>, record: Record) {
        let size = record.size();
        if waiting.records.len() >= RECORDS_MAX || waiting.bytes + size > BYTES_MAX {
            waiting.dropped += 1;
            waiting.dropped_total += 1;
            drop(waiting);
            // What an exception holds may have more to say when it is let go, and wants the lock.
            drop(record);
            return;
        }
        waiting.bytes += size;
        waiting.accepted += 1;
        waiting.records.push_back(record);
        drop(waiting);
        self.filled.notify_all();
    }

    /// A reader of what waits, unless there is one.
    pub(super) fn open_unread(self: &Arc<Self>) -> Option<Reader> {
        let is_read = self.lock().is_read;
        (!is_read).then(|| self.open())
    }

    /// Counts records that were taken and could not be written.
    pub(super) fn could_not_be_written(&self, count: u64) {
        self.lock().dropped_total += count;
    }

    /// Records dropped since the start, for the metrics.
    pub(super) fn dropped_total(&self) -> u64 {
        self.lock().dropped_total
    }

    /// Waits until the records that are in the queue now have been written, or `patience` is over, or
    /// nobody reads the queue.
    pub(super) fn flush(&self, patience: Duration) {
        let accepted = self.lock().accepted;
        self.wait_until_written(accepted, patience);
    }

    /// Waits until the first `count` records have been written.
    fn wait_until_written(&self, count: u64, patience: Duration) {
        let is_unwritten = |waiting: &mut Waiting| waiting.is_read && waiting.written < count;
        // After the timeout, the records stay in the queue and are written later.
        drop(self.emptied.wait_timeout_while(self.lock(), patience, is_unwritten));
    }

    /// A reader, which takes the place of the one before.
    pub(super) fn open(self: &Arc<Self>) -> Reader {
        let mut waiting = self.lock();
        waiting.reader += 1;
        waiting.is_read = true;
        waiting.closed = false;
        self.filled.notify_all();
        Reader { queue: Arc::clone(self), number: waiting.reader }
    }
}

/// Takes records from the queue. Clones are the same reader.
#[derive(Clone)]
pub(super) struct Reader {
    queue: Arc<Queue>,
    number: u64,
}

impl Reader {
    /// Waits for records and takes all of them; if some were dropped, a record with their number is
    /// added. `None` if the reader is closed and nothing is left, or if another reader replaced it.
    /// The records of the batch before count as written.
    pub(super) fn next_batch(&mut self) -> Option<Vec<Record>> {
        let mut waiting = self.queue.lock();
        if waiting.reader == self.number {
            waiting.written = waiting.taken;
            self.queue.emptied.notify_all();
        }
        loop {
            if waiting.reader != self.number {
                return None;
            }
            if !waiting.records.is_empty() {
                break;
            }
            if waiting.closed {
                waiting.is_read = false;
                self.queue.emptied.notify_all();
                return None;
            }
            waiting = self.queue.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.bytes = 0;
        waiting.taken = waiting.accepted;
        let dropped = std::mem::take(&mut waiting.dropped);
        let mut batch = Vec::from(std::mem::take(&mut waiting.records));
        drop(waiting);
        if dropped > 0 {
            batch.push(Record {
                time: now(),
                severity: Severity::Warning,
                logger: "maitred".into(),
                thread: "maitred-log".into(),
                message: "log records were dropped, because they could not be written fast enough"
                    .into(),
                fields: vec![("dropped".into(), Value::Whole(dropped.into()))],
                exception: None,
            });
        }
        Some(batch)
    }

    /// Lets [`Reader::next_batch`] end once nothing is left.
    pub(super) fn close(&self) {
        let mut waiting = self.queue.lock();
        if waiting.reader == self.number {
            waiting.closed = true;
        }
        drop(waiting);
        self.queue.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: &str) -> Record {
        Record {
            time: SystemTime::UNIX_EPOCH,
            severity: Severity::Info,
            logger: "maitred".into(),
            thread: "main".into(),
            message: message.into(),
            fields: Vec::new(),
            exception: None,
        }
    }

    #[test]
    fn records_pushed_before_the_end_are_still_taken() {
        let queue = Arc::new(Queue::default());
        let mut reader = queue.open();
        queue.push(record("one"));
        reader.close();
        let batch = reader.next_batch().map(|batch| batch.len());
        assert_eq!(batch, Some(1));
        assert!(reader.next_batch().is_none());
    }

    #[test]
    fn records_that_do_not_fit_are_dropped_and_counted_in_the_next_batch() {
        let queue = Arc::new(Queue::default());
        let mut reader = queue.open();
        for _ in 0..RECORDS_MAX + 3 {
            queue.push(record("flood"));
        }
        let batch = reader.next_batch().unwrap();
        assert_eq!(batch.len(), RECORDS_MAX + 1);
        assert_eq!(batch.last().unwrap().fields, [("dropped".into(), Value::Whole(3))]);
        queue.push(record("later"));
        assert_eq!(reader.next_batch().unwrap().len(), 1);
    }

    #[test]
    fn one_monstrous_record_does_not_fit() {
        let queue = Arc::new(Queue::default());
        let mut reader = queue.open();
        queue.push(record(&"x".repeat(BYTES_MAX)));
        queue.push(record("small"));
        let batch = reader.next_batch().unwrap();
        assert_eq!(batch[0].message, "small");
        assert_eq!(batch[1].fields, [("dropped".into(), Value::Whole(1))]);
    }

    #[test]
    fn a_flush_ends_when_what_was_there_before_it_has_been_written() {
        let queue = Arc::new(Queue::default());
        queue.push(record("nobody reads this yet"));
        queue.flush(FOREVER);
        let mut reader = queue.open();
        queue.push(record("to be written"));
        let flushed = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || queue.wait_until_written(2, FOREVER))
        };
        assert_eq!(reader.next_batch().unwrap().len(), 2);
        assert!(!flushed.is_finished(), "the batch has been taken, and is not written yet");
        queue.push(record("after it"));
        assert_eq!(reader.next_batch().unwrap().len(), 1);
        flushed.join().unwrap();
        reader.close();
        assert!(reader.next_batch().is_none());
        queue.push(record("too late"));
        queue.flush(FOREVER);
        let unread = queue.push_for_reader(record("for nobody")).unwrap();
        assert_eq!(unread.message, "for nobody");
        let mut reader = queue.open_unread().unwrap();
        assert!(queue.open_unread().is_none(), "there is one");
        assert_eq!(reader.next_batch().unwrap()[0].message, "too late");
    }

    #[test]
    fn a_flush_gives_up_when_nothing_is_written() {
        let queue = Arc::new(Queue::default());
        let _reader = queue.open();
        queue.push(record("for nobody"));
        queue.flush(Duration::ZERO);
    }

    /// Longer than any test may take.
    const FOREVER: Duration = Duration::from_secs(3600);

    #[test]
    fn a_reader_ends_when_another_takes_its_place() {
        let queue = Arc::new(Queue::default());
        let mut first = queue.open();
        let mut second = queue.open();
        queue.push(record("for the second"));
        assert!(first.next_batch().is_none());
        first.close();
        assert_eq!(second.next_batch().unwrap().len(), 1);
    }
}
