//! Parses the forwarding fields of a trusted proxy, which have different syntaxes.

use std::net::IpAddr;

use super::{ForwardedError, malformed, text};
use crate::message::headers::trim_ows;
use crate::message::target::split_authority;

/// The maximum bytes of a name or address: a host name has at most 253.
const NODE_BYTES: usize = 255;

/// The validated values.
#[derive(Debug, Default)]
pub(super) struct ParsedFields {
    pub(super) client: Option<Place>,
    pub(super) host: Option<Place>,
    pub(super) scheme: Option<&'static str>,
    pub(super) port: Option<String>,
}

/// A name or an address, with an optional port.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) port: Option<String>,
}

impl ParsedFields {
    /// Reads the field `name`, usually spelt `written`. Returns the trusted part of its value: of a
    /// list, the last `count` members.
    pub(super) fn read<'v>(
        &mut self,
        name: &str,
        written: &'static str,
        value: &'v [u8],
        count: usize,
    ) -> Result<&'v [u8], ForwardedError> {
        let refuse = |reason| malformed(written, reason, value);
        match name {
            "forwarded" => {
                let kept = last_members(value, count);
                // The first trusted hop is closest to the client; it is read last and takes
                // precedence.
                for element in kept.rsplit(|&byte| byte == b',') {
                    self.read_element(trim_ows(element)).map_err(refuse)?;
                }
                return Ok(kept);
            }
            "x-forwarded-for" => {
                let kept = last_members(value, count);
                self.client =
                    client(&unquote(first_member(kept)).map_err(refuse)?).map_err(refuse)?;
                return Ok(kept);
            }
            "x-forwarded-host" => {
                let kept = last_members(value, count);
                self.host = host(&unquote(first_member(kept)).map_err(refuse)?).map_err(refuse)?;
                return Ok(kept);
            }
            "x-forwarded-proto" => {
                self.scheme = scheme(&unquote(value).map_err(refuse)?).map_err(refuse)?;
            }
            "x-forwarded-port" => {
                self.port = port(&unquote(value).map_err(refuse)?).map_err(refuse)?;
            }
            _ => {} // X-Forwarded-By says nothing about the client
        }
        Ok(value)
    }

    /// RFC 7239 §4: `name=value` pairs between semicolons, without white space, each name once.
    fn read_element(&mut self, element: &[u8]) -> Result<(), &'static str> {
        let [mut has_for, mut has_host, mut has_proto] = [false; 3];
        let once = |seen: &mut bool| match std::mem::replace(seen, true) {
            true => Err("each parameter may stand once in an element"),
            false => Ok(()),
        };
        for pair in element.split(|&byte| byte == b';').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|&byte| byte == b'=').ok_or("a pair needs a `=`")?;
            let (name, value) = pair.split_at_checked(at).unwrap_or((pair, &[]));
            let value = value.get(1..).unwrap_or_default();
            if trim_ows(name) != name || trim_ows(value) != value {
                return Err("a pair has no white space");
            }
            let value = unquote(&value.to_ascii_lowercase())?;
            match name.to_ascii_lowercase().as_slice() {
                b"for" => {
                    once(&mut has_for)?;
                    self.client = client(&value)?.or(self.client.take());
                }
                b"host" => {
                    once(&mut has_host)?;
                    self.host = host(&value)?.or(self.host.take());
                }
                b"proto" => {
                    once(&mut has_proto)?;
                    self.scheme = scheme(&value)?.or(self.scheme);
                }
                _ => {} // `by`, and extensions: RFC 7239 §5.5 lets others add some
            }
        }
        Ok(())
    }
}

/// The last `count` members of a comma-separated list, trimmed. A comma within quotes also
/// separates: otherwise a client could leave a quote open and hide what the proxy appended. No
/// address or host contains a comma.
fn last_members(value: &[u8], count: usize) -> &[u8] {
    let commas = value.iter().enumerate().rev().filter(|(_, byte)| **byte == b',');
    let start = commas.map(|(at, _)| at + 1).nth(count.saturating_sub(1)).unwrap_or(0);
    trim_ows(value.get(start..).unwrap_or_default())
}

fn first_member(value: &[u8]) -> &[u8] {
    trim_ows(value.split(|&byte| byte == b',').next().unwrap_or_default())
}

/// The content of `value` if it is a quoted string (RFC 9110 §5.6.4), otherwise `value` itself.
fn unquote(value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let inner = match value {
        [b'"', inner @ .., b'"'] => inner,
        [b'"', ..] | [.., b'"'] => return Err("quotes must be closed"),
        _ => return Ok(value.to_vec()),
    };
    let mut plain = Vec::with_capacity(inner.len());
    let mut rest = inner.iter();
    while let Some(&byte) = rest.next() {
        plain.push(match byte {
            b'\\' => *rest.next().ok_or("quotes must be closed")?,
            b'"' => return Err("quotes must be closed"),
            byte => byte,
        });
    }
    Ok(plain)
}

/// The client: an address with or without brackets and port, or a name (RFC 7239 §6.3).
fn client(node: &[u8]) -> Result<Option<Place>, &'static str> {
    let node = trim_ows(node);
    if node.len() > NODE_BYTES {
        return Err("a client has at most 255 characters");
    }
    if node.is_empty() {
        return Ok(None);
    }
    // No address and no name has other bytes, and REMOTE_ADDR goes into logs and lists of addresses.
    if !node.iter().all(u8::is_ascii_graphic) {
        return Err("a client is an address or a name, in visible ASCII characters");
    }
    let whole = text(node);
    // An IPv6 address without brackets cannot have a port.
    if whole.parse::<IpAddr>().is_ok() {
        return Ok(Some(Place { name: whole, port: None }));
    }
    let (name, port) = match whole.rsplit_once(':') {
        Some((name, port)) if is_node_port(port) && is_node_name(name) => {
            (name, Some(port.to_owned()))
        }
        _ => (whole.as_str(), None),
    };
    Ok(Some(Place { name: bracketed(name).unwrap_or(name).to_owned(), port }))
}

/// Whether a port may stand behind `name`: all its colons are within brackets (RFC 7239 §6).
fn is_node_name(name: &str) -> bool {
    bracketed(name).is_some() || !name.contains(':')
}

/// What stands between the brackets around `name`.
fn bracketed(name: &str) -> Option<&str> {
    name.strip_prefix('[')?.strip_suffix(']')
}

/// RFC 7239 §6.3: digits, or a made-up name that starts with `_`.
fn is_node_port(port: &str) -> bool {
    match port.strip_prefix('_') {
        Some(made_up) => {
            !made_up.is_empty()
                && made_up
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// The requested host, which must be a valid Host value.
fn host(value: &[u8]) -> Result<Option<Place>, &'static str> {
    const RIGHT: &str = "a host is a name or an address, and perhaps a port";
    let value = trim_ows(value);
    if value.is_empty() {
        return Ok(None);
    }
    let (name, port_digits) = split_authority(value).ok_or(RIGHT)?;
    if name.is_empty() || name.len() > NODE_BYTES {
        return Err(RIGHT);
    }
    Ok(Some(Place { name: text(name), port: port(port_digits.unwrap_or_default())? }))
}

/// A single scheme; a list would be ambiguous.
fn scheme(value: &[u8]) -> Result<Option<&'static str>, &'static str> {
    match value.to_ascii_lowercase().as_slice() {
        b"" => Ok(None),
        b"http" => Ok(Some("http")),
        b"https" => Ok(Some("https")),
        _ => Err("the scheme is `http` or `https`"),
    }
}

/// A single port, 1 to 65535.
fn port(value: &[u8]) -> Result<Option<String>, &'static str> {
    let digits = text(value);
    match digits.parse::<u16>() {
        _ if digits.is_empty() => Ok(None),
        Ok(1..) if value.iter().all(u8::is_ascii_digit) => Ok(Some(digits)),
        _ => Err("a port is a number from 1 to 65535"),
    }
}
