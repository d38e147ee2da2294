//! The view of a request that an application has.

use maitred_http_parser::{RequestHead, Version};

use super::format::Served;

/// Whether the application sees what it must see.
pub(super) fn compare(expected: &Served, head: &RequestHead, body: &[u8]) -> Result<(), String> {
    // These applications answer before they have read everything; `body` is what they did read.
    let reads_all = !matches!(expected.path.as_slice(), b"/_app/noread" | b"/_app/readone");
    let read = if reads_all { body } else { &body[..expected.body.len()] };
    let seen = Served {
        method: head.method().as_bytes().to_vec(),
        path: path_info(head),
        query: head.query().to_vec(),
        body: read.to_vec(),
        environ: expected
            .environ
            .iter()
            .map(|(name, value)| match is_left_to_the_bridge(name) {
                true => (name.clone(), value.clone()),
                false => (name.clone(), environ(head, body, name)),
            })
            .collect(),
    };
    if seen == *expected { Ok(()) } else { Err(format!("saw {seen:?}, expected {expected:?}")) }
}

/// Names that are in the head, and that the application is not shown.
fn is_left_to_the_bridge(name: &str) -> bool {
    name == "HTTP_TRANSFER_ENCODING" || name.contains("FORWARDED")
}

/// What the application would see under `name`.
fn environ(head: &RequestHead, body: &[u8], name: &str) -> Option<Vec<u8>> {
    let field = match name {
        "REQUEST_URI" => return Some(head.target().to_vec()),
        "SERVER_PROTOCOL" => {
            let is_10 = head.version() == Version::Http10;
            return Some(if is_10 { b"HTTP/1.0".to_vec() } else { b"HTTP/1.1".to_vec() });
        }
        "CONTENT_LENGTH" if head.field("transfer-encoding").is_some() => {
            return Some(body.len().to_string().into_bytes());
        }
        _ => name.strip_prefix("HTTP_").unwrap_or(name).replace('_', "-"),
    };
    let separator: &[u8] = if field == "COOKIE" { b"; " } else { b", " };
    let values: Vec<&[u8]> = head
        .fields()
        .filter(|(candidate, _)| candidate.eq_ignore_ascii_case(field.as_bytes()))
        .map(|(_, value)| value)
        .collect();
    (!values.is_empty()).then(|| values.join(separator))
}

/// What the bridge makes of the path by default.
fn path_info(head: &RequestHead) -> Vec<u8> {
    let mut path = percent_decoded(head.path());
    if path == b"*" {
        path.clear();
    }
    while path.starts_with(b"//") {
        path.remove(0);
    }
    path
}

fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        let escape = match after {
            [high, low, ..] if *byte == b'%' => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        decoded.push(escape.unwrap_or(*byte));
        rest = if escape.is_some() { &after[2..] } else { after };
    }
    decoded
}
