//! The request that one thread runs, so that the log can tell what ran when its process died.
//!
//! Only the path is shown, never the query, which may hold secrets.

use super::layout::SLOT_WORDS;
use super::sequence_lock::{Seen, SequencedRecord};
use crate::system::atomics::{AtomicU64, Ordering};

/// Bytes of each text, and the words that hold them.
const METHOD: usize = 16;
const PATH: usize = 120;
const REQUEST_ID: usize = 64;

/// Since when, then the three lengths and the number of the thread in one word, then the texts, each
/// of which begins with a word. Behind them stands what is left of longer ones.
const WORDS: usize = 2 + (METHOD + PATH + REQUEST_ID) / 8;

/// The word behind the record: since when the request ran that was answered without its thread.
const ANSWERED: usize = SLOT_WORDS - 1;

const _: () = assert!(WORDS < ANSWERED);

/// A request that a thread runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInProgress {
    /// When the thread took it, in monotonic nanoseconds.
    pub since: u64,
    /// The number of the thread.
    pub thread: u16,
    /// Its method, or the beginning of it.
    pub method: String,
    /// Its path, without the query, or the beginning of it.
    pub path: String,
    /// Its request ID, or the beginning of it; empty if it has none.
    pub request_id: String,
    /// Whether the server has answered it, and counted that, while the thread still runs it.
    pub is_answered: bool,
}

/// The place on the board for the request of one thread.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    record: SequencedRecord<'a>,
    answered: &'a AtomicU64,
}

impl<'a> Slot<'a> {
    pub(super) fn new(words: &'a [AtomicU64; SLOT_WORDS]) -> Self {
        let record = SequencedRecord::new(&words[..ANSWERED]).expect("a slot has words");
        Self { record, answered: &words[ANSWERED] }
    }

    /// The thread of this number has taken a request, at `since` in monotonic nanoseconds, which is not
    /// 0. What does not fit is cut.
    pub fn begin(&self, since: u64, thread: u16, method: &[u8], path: &[u8], request_id: &[u8]) {
        let mut words = [0; WORDS];
        words[0] = since;
        words[1] = u64::from(thread) << 48;
        let texts = [(method, METHOD), (path, PATH), (request_id, REQUEST_ID)];
        let mut at = 2;
        for (index, (text, room)) in texts.into_iter().enumerate() {
            let text = &text[..text.len().min(room)];
            words[1] |= (text.len() as u64) << (16 * index);
            let (whole, rest) = text.as_chunks();
            for bytes in whole {
                words[at] = u64::from_le_bytes(*bytes);
                at += 1;
            }
            if !rest.is_empty() {
                let mut bytes = [0; 8];
                bytes[..rest.len()].copy_from_slice(rest);
                words[at] = u64::from_le_bytes(bytes);
                at += 1;
            }
        }
        self.record.write(&words[..at]);
    }

    /// The request that runs there has been answered, and counted, although its thread has not
    /// returned. Any thread may tell.
    pub fn answered(&self) {
        let mut since = [0];
        let (Seen::Whole | Seen::Torn) = self.record.read(&mut since);
        self.answered.store(since[0], Ordering::Relaxed);
    }

    /// The request has ended.
    pub fn end(&self) {
        self.record.write(&[0]);
    }

    /// Forgets the request of a dead process.
    pub(super) fn begin_anew(&self) {
        self.record.begin_anew();
        self.answered.store(0, Ordering::Relaxed);
    }

    /// The request that runs there. Of a record that is being written, what stands there: this is
    /// for the log, and its writer may be dead.
    pub fn read(&self) -> Option<RequestInProgress> {
        let mut words = [0; WORDS];
        let (Seen::Whole | Seen::Torn) = self.record.read(&mut words);
        let [since, lengths, ref texts @ ..] = words;
        if since == 0 {
            return None;
        }
        let bytes: Vec<u8> = texts.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut at = 0;
        let mut text = |index: usize, room: usize| {
            let length = usize::from((lengths >> (16 * index)) as u16).min(room);
            let text = bytes[at..at + length].escape_ascii().to_string();
            at += length.next_multiple_of(8);
            text
        };
        Some(RequestInProgress {
            since,
            thread: (lengths >> 48) as u16,
            method: text(0, METHOD),
            path: text(1, PATH),
            request_id: text(2, REQUEST_ID),
            is_answered: self.answered.load(Ordering::Relaxed) == since,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> [AtomicU64; SLOT_WORDS] {
        std::array::from_fn(|_| AtomicU64::new(0))
    }

    #[test]
    fn the_request_of_a_thread_is_told_until_it_ends() {
        let words = words();
        let slot = Slot::new(&words);
        assert_eq!(slot.read(), None);
        slot.begin(17, 3, b"GET", b"/orders/\xff", b"abc");
        let request = slot.read().unwrap();
        assert_eq!((request.since, request.thread, &*request.method), (17, 3, "GET"));
        assert_eq!((&*request.path, &*request.request_id), ("/orders/\\xff", "abc"));
        slot.end();
        assert_eq!(slot.read(), None);
    }

    #[test]
    fn a_request_that_was_answered_without_its_thread_is_told_apart_from_the_next_one() {
        let words = words();
        let slot = Slot::new(&words);
        slot.begin(17, 3, b"GET", b"/slow", b"");
        assert!(!slot.read().unwrap().is_answered);
        slot.answered();
        assert!(slot.read().unwrap().is_answered);
        slot.begin(18, 3, b"GET", b"/next", b"");
        assert!(!slot.read().unwrap().is_answered);
    }

    #[test]
    fn a_request_is_told_without_what_is_left_of_a_longer_one() {
        let words = words();
        let slot = Slot::new(&words);
        slot.begin(17, 3, b"PROPFIND", &[b'/'; 99], &[b'i'; 60]);
        slot.begin(18, 4, b"GET", b"/orders/17", b"");
        let request = slot.read().unwrap();
        assert_eq!((&*request.method, &*request.path), ("GET", "/orders/17"));
        assert_eq!((request.since, request.thread, &*request.request_id), (18, 4, ""));
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let words = words();
        let slot = Slot::new(&words);
        slot.begin(1, 3, &[b'M'; 99], &[b'/'; 999], &[b'i'; 999]);
        let request = slot.read().unwrap();
        assert_eq!(request.method.len(), METHOD);
        assert_eq!(request.path.len(), PATH);
        assert_eq!(request.request_id.len(), REQUEST_ID);
    }

    #[test]
    fn lengths_that_another_process_has_overwritten_are_bounded() {
        let words = words();
        let slot = Slot::new(&words);
        slot.begin(1, 3, b"GET", b"/", b"");
        words[2].store(u64::MAX, Ordering::Relaxed);
        let request = slot.read().unwrap();
        assert_eq!(request.request_id.len(), "\\x00".len() * REQUEST_ID);
    }
}
