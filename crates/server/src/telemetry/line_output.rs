//! Writes lines to an output that may fail in the middle of one.
//!
//! A full disk takes the first part of a line. If the next line followed it directly, both would be
//! unreadable; so a line end comes first when there is room again, whoever writes next. Several worker
//! processes write to the same output in turns (`system/output_lock.rs`), and both logs of a process
//! may go to the same file.

use std::fs::File;
#[cfg(unix)]
use std::fs::Metadata;
use std::io::{self, ErrorKind, StderrLock, StdoutLock, Write};

#[cfg(unix)]
use crate::system::inherited_file;
#[cfg(unix)]
use crate::system::output_lock::{self, OutputEnd, OutputId};

/// About how many bytes are written in one turn, so that others have theirs soon.
const PIECE_BYTES: usize = 64 * 1024;

/// What takes lines.
pub trait LineSink: Write {
    /// The file, pipe or terminal behind it, where that is known: others may write there, too.
    #[cfg(unix)]
    fn metadata(&self) -> Option<Metadata>;
}

/// What is known of an output between two writes.
#[derive(Debug, Default)]
pub struct LineOutput {
    /// The last line of this writer has no end. Where others are known, they know it, too.
    is_torn: bool,
}

/// Why not everything was written.
#[derive(Debug)]
pub struct Unwritten {
    /// How many of the bytes were written.
    pub written: usize,
    /// The error.
    pub error: io::Error,
}

impl LineOutput {
    /// Writes `lines`, the last of which is complete.
    ///
    /// # Errors
    /// The output has failed; what was written before stays there.
    pub fn write(&mut self, output: &mut impl LineSink, lines: &[u8]) -> Result<(), Unwritten> {
        let mut done = 0;
        while done < lines.len() {
            let end = done + first_piece(&lines[done..]);
            self.write_piece(output, &lines[done..end]).map_err(
                |Unwritten { written, error }| Unwritten { written: done + written, error },
            )?;
            done = end;
        }
        Ok(())
    }

    /// Writes one piece, in this process's turn.
    fn write_piece(&mut self, output: &mut impl LineSink, lines: &[u8]) -> Result<(), Unwritten> {
        #[cfg(unix)]
        {
            let _turn = output_lock::take_turn();
            let Some(id) = output.metadata().as_ref().map(OutputId::of) else {
                return self.write_after_torn(output, lines);
            };
            let before = id.end();
            self.is_torn = before == OutputEnd::TornLine;
            let result = self.write_after_torn(output, lines);
            let after = if self.is_torn { OutputEnd::TornLine } else { OutputEnd::Line };
            if after != before {
                id.note(after);
            }
            result
        }
        #[cfg(not(unix))]
        self.write_after_torn(output, lines)
    }

    /// Writes one piece, after the end of the line before it.
    fn write_after_torn(&mut self, output: &mut impl Write, lines: &[u8]) -> Result<(), Unwritten> {
        if self.is_torn {
            output.write_all(b"\n").map_err(|error| Unwritten { written: 0, error })?;
            self.is_torn = false;
        }
        let mut written = 0;
        while written < lines.len() {
            let error = match output.write(&lines[written..]) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(count) => {
                    written += count;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.is_torn = written > 0 && lines[written - 1] != b'\n';
            return Err(Unwritten { written, error });
        }
        output.flush().map_err(|error| Unwritten { written: 0, error })
    }
}

impl LineSink for File {
    #[cfg(unix)]
    fn metadata(&self) -> Option<Metadata> {
        self.metadata().ok()
    }
}

impl LineSink for StdoutLock<'_> {
    #[cfg(unix)]
    fn metadata(&self) -> Option<Metadata> {
        inherited_file::duplicate(libc::STDOUT_FILENO).ok()?.metadata().ok()
    }
}

impl LineSink for StderrLock<'_> {
    #[cfg(unix)]
    fn metadata(&self) -> Option<Metadata> {
        None // it is used where no descriptor is left to ask with
    }
}

/// The length of the first piece: whole lines, those with their indented ones that belong together.
fn first_piece(lines: &[u8]) -> usize {
    let begins_record = |at: &usize| lines[at - 1] == b'\n' && !lines[*at].is_ascii_whitespace();
    let rest = PIECE_BYTES..lines.len();
    rest.into_iter().find(begins_record).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use crate::system::unnamed_file;

    #[test]
    fn what_is_written_in_one_turn_ends_where_a_record_does() {
        let line = |first: u8| [&[first], &[b'.'; 999][..], b"\n"].concat();
        let mut lines = line(b'a').repeat(70);
        assert_eq!(first_piece(&lines), 66 * 1001);
        lines.truncate(66 * 1001);
        lines.extend(line(b' ').repeat(3));
        assert_eq!(first_piece(&lines), 69 * 1001);
        lines.extend(line(b'b'));
        assert_eq!(first_piece(&lines), 69 * 1001);
        assert_eq!(first_piece(b"one\ntwo\n"), 8);
        let mut written = Vec::new();
        LineOutput::default().write(&mut written, &lines).unwrap();
        assert_eq!(written, lines);
    }

    /// A disk with room for so many bytes.
    struct Disk {
        room: usize,
        text: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            let count = bytes.len().min(self.room);
            self.room -= count;
            self.text.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl LineSink for Disk {
        #[cfg(unix)]
        fn metadata(&self) -> Option<Metadata> {
            None
        }
    }

    impl LineSink for Vec<u8> {
        #[cfg(unix)]
        fn metadata(&self) -> Option<Metadata> {
            None
        }
    }

    /// A file on such a disk.
    #[cfg(unix)]
    struct FileOnDisk<'d> {
        disk: &'d mut Disk,
        file: &'d File,
    }

    #[cfg(unix)]
    impl Write for FileOnDisk<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.disk.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[cfg(unix)]
    impl LineSink for FileOnDisk<'_> {
        fn metadata(&self) -> Option<Metadata> {
            self.file.metadata().ok()
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_line_after_one_that_another_has_torn_begins_on_a_line_of_its_own() {
        let file = unnamed_file::create(&std::env::temp_dir()).unwrap();
        let mut disk = Disk { room: 6, text: Vec::new() };
        let [mut one, mut other] = [LineOutput::default(), LineOutput::default()];
        let mut write = |by: &mut LineOutput, room: usize, line: &[u8]| {
            disk.room += room;
            by.write(&mut FileOnDisk { disk: &mut disk, file: &file }, line).is_ok()
        };
        assert!(!write(&mut one, 0, b"one\ntwo\n"));
        assert!(write(&mut other, 100, b"three\n"));
        assert!(write(&mut one, 0, b"four\n"));
        assert!(write(&mut other, 0, b"five\n"));
        assert_eq!(String::from_utf8(disk.text).unwrap(), "one\ntw\nthree\nfour\nfive\n");
    }

    #[test]
    fn a_line_after_a_torn_one_begins_on_a_line_of_its_own() {
        let mut disk = Disk { room: 6, text: Vec::new() };
        let mut output = LineOutput::default();
        let torn = output.write(&mut disk, b"one\ntwo\nthree\n").unwrap_err();
        assert_eq!((torn.written, torn.error.kind()), (6, ErrorKind::StorageFull));
        let full = output.write(&mut disk, b"four\n").unwrap_err();
        assert_eq!(full.written, 0);
        disk.room = 100;
        output.write(&mut disk, b"five\n").unwrap();
        output.write(&mut disk, b"six\n").unwrap();
        assert_eq!(String::from_utf8(disk.text).unwrap(), "one\ntw\nfive\nsix\n");
    }

    #[test]
    fn a_disk_that_is_full_at_the_end_of_a_line_tears_none() {
        let mut disk = Disk { room: 4, text: Vec::new() };
        let mut output = LineOutput::default();
        assert_eq!(output.write(&mut disk, b"one\ntwo\n").unwrap_err().written, 4);
        disk.room = 100;
        output.write(&mut disk, b"three\n").unwrap();
        assert_eq!(String::from_utf8(disk.text).unwrap(), "one\nthree\n");
    }
}
