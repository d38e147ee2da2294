//! PATH_INFO: the decoded path of a request below url-prefix (PEP 3333, "URL Reconstruction"; RFC
//! 3875 §4.1.5). It is empty or begins with a slash.
//!
//! Slashes within it are not merged: `/a//b` and `/a/b` are different resources. Those at its
//! beginning are, unless a setting keeps them: an application that redirects to its own path with a
//! slash added would otherwise write `Location: //host/`, which leads to another server.

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

/// What becomes of several slashes at the beginning of PATH_INFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadingSlashes {
    /// They become one.
    Collapsed,
    /// They stay.
    Kept,
}

/// The PATH_INFO of a decoded path. A path outside of `prefix` stays whole, as in Waitress. `*`, the
/// target of a request that concerns the server as a whole, is no path.
pub(crate) fn path_info<'a>(path: &'a [u8], prefix: &[u8], leading: LeadingSlashes) -> &'a [u8] {
    if path == b"*" {
        return b"";
    }
    let path = lead(path, leading);
    match path.strip_prefix(prefix) {
        Some(below) if below.is_empty() || below.starts_with(b"/") => lead(below, leading),
        _ => path,
    }
}

/// The path with at most one slash at its beginning, unless they stay.
fn lead(path: &[u8], leading: LeadingSlashes) -> &[u8] {
    let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
    match leading {
        LeadingSlashes::Collapsed => path.get(slashes.saturating_sub(1)..).unwrap_or_default(),
        LeadingSlashes::Kept => path,
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
        for leading in [LeadingSlashes::Collapsed, LeadingSlashes::Kept] {
            let below = |path: &'static str, prefix: &str| {
                path_info(path.as_bytes(), prefix.as_bytes(), leading)
            };
            for (path, expected) in
                [("/app", ""), ("/app/", "/"), ("/app/x", "/x"), ("/apple", "/apple"), ("/", "/")]
            {
                assert_eq!(below(path, "/app"), expected.as_bytes(), "{path}");
            }
            assert_eq!(below("/x", ""), b"/x");
            assert_eq!(below("/x//y/", ""), b"/x//y/");
        }
    }

    #[test]
    fn leading_slashes_become_one_before_the_prefix_and_behind_it() {
        for (path, prefix, collapsed, kept) in [
            ("//", "", "/", "//"),
            ("//evil.example", "", "/evil.example", "//evil.example"),
            ("////a//b", "", "/a//b", "////a//b"),
            ("//app/x", "/app", "/x", "//app/x"),
            ("/app//x", "/app", "/x", "//x"),
            ("//app//", "/app", "/", "//app//"),
            ("//apple", "/app", "/apple", "//apple"),
        ] {
            for (leading, expected) in
                [(LeadingSlashes::Collapsed, collapsed), (LeadingSlashes::Kept, kept)]
            {
                let found = path_info(path.as_bytes(), prefix.as_bytes(), leading);
                assert_eq!(found, expected.as_bytes(), "{path} {leading:?}");
            }
        }
    }

    #[test]
    fn the_server_as_a_whole_has_no_path() {
        for prefix in ["", "/app"] {
            assert_eq!(path_info(b"*", prefix.as_bytes(), LeadingSlashes::Collapsed), b"");
        }
    }
}
