//! Reads the head of a request: its target and the few fields that the scenarios use.
//!
//! It repairs nothing and checks nothing, so it is about as cheap as reading a head can be.

use crate::system::find;

/// A head, borrowed from the bytes that were received.
#[derive(Default)]
pub struct Head<'a> {
    pub target: &'a [u8],
    pub host: &'a [u8],
    pub user_agent: &'a [u8],
    pub cookie_length: usize,
    pub content_length: usize,
    pub closes: bool,
    /// Bytes from the start of the request line to the end of the empty line.
    pub size: usize,
}

/// The head at the start of `received`; `None` while it is not complete.
pub fn read(received: &[u8]) -> Option<Head<'_>> {
    let mut head = Head::default();
    let mut start = 0;
    loop {
        let end = start + find(b'\n', &received[start..])?;
        let line = received[start..end].strip_suffix(b"\r").unwrap_or(&received[start..end]);
        if line.is_empty() {
            head.size = end + 1;
            return Some(head);
        }
        if start == 0 {
            head.target = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        } else {
            field(&mut head, line);
        }
        start = end + 1;
    }
}

fn field<'a>(head: &mut Head<'a>, line: &'a [u8]) {
    let Some(colon) = find(b':', line) else { return };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    match name.len() {
        4 if name.eq_ignore_ascii_case(b"host") => head.host = value,
        6 if name.eq_ignore_ascii_case(b"cookie") => head.cookie_length = value.len(),
        10 if name.eq_ignore_ascii_case(b"user-agent") => head.user_agent = value,
        10 if name.eq_ignore_ascii_case(b"connection") => {
            head.closes = value.eq_ignore_ascii_case(b"close");
        }
        14 if name.eq_ignore_ascii_case(b"content-length") => {
            let digits = std::str::from_utf8(value).unwrap_or_default();
            head.content_length = digits.parse().unwrap_or_default();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_its_empty_line_has_come() {
        let bytes = b"POST /a HTTP/1.1\r\nHost: b\r\ncontent-length: 3\r\n\r\nxyz";
        for size in 0..bytes.len() - 3 {
            assert!(read(&bytes[..size]).is_none(), "complete after {size} bytes");
        }
        let head = read(bytes).unwrap();
        assert_eq!((head.target, head.host, head.content_length), (&b"/a"[..], &b"b"[..], 3));
        assert_eq!(head.size, bytes.len() - 3);
    }
}
