//! What becomes one record of the log: whole lines, and a traceback as a whole.
//!
//! Text comes in pieces, from several threads at once. Each thread has its own pending text, so the
//! lines of two are not mixed. Threads that the application starts must end their lines, or flush.

use std::borrow::Cow;
use std::cell::RefCell;

use crate::log::ErrorLines;

/// The maximum length of pending text. More is logged as it is, so that the buffer is bounded.
const PENDING_BYTES_MAX: usize = 64 * 1024;

/// What ends the line that begins a traceback.
const TRACEBACK: &str = "Traceback (most recent call last):\n";

thread_local! {
    /// The text that this thread has written and that is no record yet.
    static PENDING: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Logs what `text` completes, and keeps the rest.
pub(super) fn write(log: &dyn ErrorLines, text: &str) {
    // Taken out first, because the log may run Python code that writes here.
    let mut pending = PENDING.with_borrow_mut(std::mem::take);
    pending.push_str(text);
    let mut end = complete(&pending);
    if pending.len() - end > PENDING_BYTES_MAX {
        end = pending.len();
    }
    written(log, &pending[..end]);
    pending.drain(..end);
    PENDING.with_borrow_mut(|later| later.insert_str(0, &pending));
}

/// Logs the pending text of this thread. Most requests have none.
#[inline]
pub(crate) fn finish(log: &dyn ErrorLines) {
    if !PENDING.with_borrow(String::is_empty) {
        written(log, &PENDING.take());
    }
}

fn written(log: &dyn ErrorLines, text: &str) {
    if text.is_empty() {
        return;
    }
    // A line may end as on Windows.
    let text =
        if text.contains('\r') { text.replace("\r\n", "\n").into() } else { Cow::from(text) };
    log.written(text.strip_suffix('\n').unwrap_or(&text));
}

/// The length of the text that needs no more: up to its last line end, but not into a traceback
/// whose exception has yet to come.
fn complete(text: &str) -> usize {
    let Some(end) = text.rfind('\n').map(|at| at + 1) else { return 0 };
    let Some(traceback) = text[..end].rfind(TRACEBACK) else { return end };
    let mut frames = text[traceback + TRACEBACK.len()..end].lines();
    if frames.all(|line| line.starts_with(' ')) {
        text[..traceback].rfind('\n').map_or(0, |at| at + 1)
    } else {
        end
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl ErrorLines for Kept {
        fn written(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }

        fn flush(&self) {}
    }

    /// The records that these pieces become.
    fn records(pieces: &[&str]) -> Vec<String> {
        let kept = Kept::default();
        pieces.iter().for_each(|piece| write(&kept, piece));
        finish(&kept);
        kept.0.into_inner().unwrap()
    }

    #[test]
    fn whole_lines_are_records_and_what_was_written_at_once_is_one() {
        assert_eq!(records(&["a", " b\nc\nd", "\n\n", "e"]), ["a b\nc", "d\n", "e"]);
        assert_eq!(records(&["\n", "a\rb\r\nc\r\n"]), ["", "a\rb\nc"]);
        assert!(records(&[""]).is_empty());
    }

    #[test]
    fn a_traceback_that_is_written_line_by_line_is_one_record() {
        let traceback =
            ["Traceback (most recent call last):\n", "  File \"x\", line 1\n    1/0\n", "E: no\n"];
        let pieces = [&["before\n"], &traceback[..], &["after\n"]].concat();
        assert_eq!(records(&pieces), ["before", traceback.concat().trim_end(), "after"]);
        let glued = records(&[&["half "], &traceback[..]].concat());
        assert_eq!(glued, [format!("half {}", traceback.concat().trim_end())]);
        let all = traceback.concat();
        assert_eq!(records(&[&format!("said:\n{all}more\n")]), [format!("said:\n{all}more")]);
        let unfinished = format!("said:\n{}", &traceback[..2].concat());
        assert_eq!(records(&[&unfinished]), ["said:", unfinished[6..].trim_end()]);
    }

    #[test]
    fn pending_text_is_bounded() {
        let long = "x".repeat(PENDING_BYTES_MAX);
        assert_eq!(records(&[&long, "y", "z"]), [format!("{long}y"), "z".to_owned()]);
        let frames = "  frame\n".repeat(PENDING_BYTES_MAX / 4);
        assert_eq!(records(&[TRACEBACK, &frames]).len(), 1);
    }
}
