//! PATH_INFO: the decoded path of a request below url-prefix (PEP 3333, "URL Reconstruction"; RFC
//! 3875 §4.1.5). Slashes are not merged: `//a` and `/a` are different resources.

use std::borrow::Cow;

/// The percent-decoded bytes of a path (RFC 3986 §2.1). An invalid escape stays unchanged.
pub(crate) fn percent_decoded(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.iter();
    while let Some(&byte) = rest.next() {
        let ahead = rest.as_slice();
        match (byte, digit(ahead.first()), digit(ahead.get(1))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8); // two hexadecimal digits fit a byte
                rest.nth(1);
            }
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

/// The path below url-prefix. A path outside of it stays unchanged, as in Waitress.
pub(crate) fn without_prefix<'a>(path: &'a [u8], prefix: &[u8]) -> &'a [u8] {
    match path.strip_prefix(prefix) {
        Some(below) if below.is_empty() || below.starts_with(b"/") => below,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_escape_stays_as_it_is() {
        for (path, decoded) in [
            ("/plain", "/plain"),
            ("/a%20b%2Fc", "/a b/c"),
            ("/100%", "/100%"),
            ("/%2", "/%2"),
            ("/%zz%41", "/%zzA"),
            ("/%%41", "/%A"),
        ] {
            assert_eq!(percent_decoded(path.as_bytes()), decoded.as_bytes(), "{path}");
        }
    }

    #[test]
    fn only_a_whole_segment_is_a_prefix() {
        for (path, below) in
            [("/app", ""), ("/app/", "/"), ("/app/x", "/x"), ("/apple", "/apple"), ("/", "/")]
        {
            assert_eq!(without_prefix(path.as_bytes(), b"/app"), below.as_bytes(), "{path}");
        }
        assert_eq!(without_prefix(b"/x", b""), b"/x");
    }
}
