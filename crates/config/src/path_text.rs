//! Paths as text, without loss.
//!
//! Settings are text, and a path of Unix is any bytes. What is not UTF-8 in an argument, a variable or
//! the working directory is kept as private-use characters, one for each byte, as Python keeps it in
//! surrogates (`os.fsdecode`), which Rust's text cannot hold. A character that would mean the same is
//! kept byte by byte as well, so every path comes back as it was.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::PathBuf;

/// The byte 0x80 is U+10FF80, at the end of the last private-use plane.
const FIRST: u32 = 0x10_FF80 - 0x80;

/// The byte that a character stands for.
fn byte_of(character: char) -> Option<u8> {
    u32::from(character).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok())
}

/// The character that stands for a byte of no UTF-8, which is 0x80 or more.
fn character_of(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Text of the operating system: a path, or something that may hold one.
pub fn from_os(text: &OsStr) -> String {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(text);
    #[cfg(not(unix))]
    let lossy = text.to_string_lossy();
    #[cfg(not(unix))]
    let bytes = lossy.as_bytes();
    let mut kept = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match byte_of(character) {
                None => kept.push(character),
                Some(_) => {
                    kept.extend(character.encode_utf8(&mut [0; 4]).bytes().map(character_of));
                }
            }
        }
        kept.extend(chunk.invalid().iter().copied().map(character_of));
    }
    kept
}

/// The path that a text means.
pub fn to_path(text: &str) -> PathBuf {
    if !text.chars().any(|character| byte_of(character).is_some()) {
        return PathBuf::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    #[cfg(unix)]
    return PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(&bytes));
    #[cfg(not(unix))]
    return PathBuf::from(String::from_utf8_lossy(&bytes).into_owned());
}

/// The text for people: bytes of no UTF-8 as `\xff`.
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|character| byte_of(character).is_some()) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().fold(String::new(), |mut shown, character| {
        match byte_of(character) {
            Some(byte) => shown.push_str(&format!("\\x{byte:02x}")),
            None => shown.push(character),
        }
        shown
    });
    Cow::Owned(escaped)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

    use super::*;

    #[test]
    fn every_path_comes_back_as_it_was() {
        let all: Vec<u8> = (1..=255).collect();
        let private: String = ('\u{10FF00}'..='\u{10FFFF}').collect();
        for path in [
            b"/srv/shop".as_slice(),
            "/srv/caf\u{e9}".as_bytes(),
            b"/srv/caf\xe9/\xff",
            b"\x80\xf4\x8f\xbe",
            private.as_bytes(),
            &all,
        ] {
            let text = from_os(OsStr::from_bytes(path));
            assert_eq!(to_path(&text).into_os_string().into_vec(), path, "{text:?}");
        }
    }

    #[test]
    fn people_are_shown_the_bytes() {
        let text = from_os(OsStr::from_bytes(b"/srv/caf\xe9"));
        assert_eq!(shown(&text), "/srv/caf\\xe9");
        assert_eq!(shown("/srv/caf\u{e9}"), "/srv/caf\u{e9}");
    }
}
