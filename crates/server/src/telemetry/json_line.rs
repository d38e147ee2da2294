//! A JSON value on one line of a log. The serializer escapes what JSON requires, and this file
//! everything else that could end a line or control a terminal.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Appends a value of text, numbers and maps, without a line end.
pub fn write(out: &mut Vec<u8>, value: &impl Serialize) {
    let written = value.serialize(&mut Serializer::with_formatter(out, OneLine));
    written.expect("a vector takes everything, and the keys of maps are text");
}

/// Compact JSON that also escapes DEL, the C1 control characters (among them NEL) and the separators
/// U+2028 and U+2029, which some readers take for a line end.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: io::Write + ?Sized,
    {
        let mut written = 0;
        for (at, character) in fragment.char_indices() {
            if matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}') {
                writer.write_all(&fragment.as_bytes()[written..at])?;
                write!(writer, "\\u{:04x}", u32::from(character))?;
                written = at + character.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_some_reader_takes_for_the_end_of_a_line_is_escaped() {
        let text = "a\u{85}b\u{2028}c\u{2029}d\u{7f}e\n\u{1b}é\u{9b}";
        let mut out = Vec::new();
        write(&mut out, &text);
        let line = String::from_utf8(out).expect("UTF-8");
        assert_eq!(line, r#""a\u0085b\u2028c\u2029d\u007fe\n\u001bé\u009b""#);
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), text);
    }
}
