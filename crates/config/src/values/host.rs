//! The grammar of listening addresses.
//!
//! It is that of Waitress: the last colon separates host and port, and an IPv6 address needs
//! brackets (RFC 3986 §3.2.2). `unix:` and `fd://` are additions. Input that Waitress interprets in
//! a way nobody can mean, such as `8080` for the address 0.0.31.144, is rejected with the correct
//! spelling.

use std::net::Ipv6Addr;

use super::{Endpoint, HostName, Port};
use crate::path_text;

/// Longest path of a Unix socket in bytes: `sun_path` has 108 on Linux, including the NUL.
pub(crate) const LONGEST_SOCKET_PATH: usize = 107;

/// The port of an address without a port: the default of the setting `port`.
pub(crate) const DEFAULT_PORT: u16 = 8080;

impl Endpoint {
    /// Parses an address. `default_port` is for a host without a port, `mode` for Unix sockets. The
    /// error says what would be correct.
    pub(crate) fn parse(text: &str, default_port: u16, mode: u32) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            check_socket_path(path)?;
            return Ok(Self::Unix { path: path_text::to_path(path), mode });
        }
        if let Some(number) = text.strip_prefix("fd://").or_else(|| text.strip_prefix("fd:")) {
            return match number.parse::<i32>() {
                Ok(descriptor) if descriptor >= 0 => Ok(Self::Descriptor(descriptor)),
                _ => Err("a descriptor is a whole number, as in `fd://3`".into()),
            };
        }
        if text.contains("://") {
            return Err("write `host:port`, without a scheme".into());
        }
        if text.starts_with('/') {
            return Err(format!("write `unix:{text}` for a Unix socket"));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("write `*:{text}` to listen on every address"));
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(format!("write an IPv6 address in brackets: `[{text}]:{default_port}`"));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Port::parse(port)?),
            _ => (text, Port::Number(default_port)),
        };
        let host = if host.is_empty() { HostName::Any } else { HostName::parse(host)? };
        Ok(Self::Tcp { host, port })
    }
}

impl HostName {
    /// Parses a host: `*`, a name, or an address; an IPv6 address may have brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let name = bracketed.unwrap_or(text);
        if name.contains(':') {
            let address = name.split_once('%').map_or(name, |(address, _zone)| address);
            return match (address.parse::<Ipv6Addr>(), text.rsplit_once(':')) {
                (Ok(_), _) => Ok(Self::Name(name.into())),
                (Err(_), Some((host, port))) if is_host_before_port(host, port) => {
                    Err(format!("a host has no port: write `--listen={text}`"))
                }
                (Err(_), _) => Err(format!("`{name}` is not an IPv6 address")),
            };
        }
        if bracketed.is_some() {
            return Err("brackets are for IPv6 addresses only".into());
        }
        if name.is_empty() {
            return Err("the host is empty; write `*` for every address".into());
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.bytes().all(is_name) {
            Ok(Self::Name(name.into()))
        } else {
            Err(format!("`{name}` is neither a name nor an address"))
        }
    }
}

/// Whether these are the parts of `host:port`.
fn is_host_before_port(host: &str, port: &str) -> bool {
    port.parse::<u16>().is_ok() && HostName::parse(host).is_ok()
}

impl Port {
    /// Parses a port: a number, or a service name (RFC 6335 §5.1).
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(number) = text.parse() {
            return Ok(Self::Number(number));
        }
        let is_name = text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if is_name {
            Ok(Self::Service(text.into()))
        } else {
            Err("a port is a whole number from 0 to 65535, or the name of a service".into())
        }
    }
}

/// Checks that a Unix socket can have this path.
pub(crate) fn check_socket_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("the path of a Unix socket follows `unix:`, as in `unix:/run/web.sock`".into());
    }
    if path.contains('\0') {
        return Err("the path of a Unix socket has no NUL in it".into());
    }
    let length = path_text::to_path(path).as_os_str().len();
    if length > LONGEST_SOCKET_PATH {
        return Err(format!(
            "the path of a Unix socket has at most {LONGEST_SOCKET_PATH} bytes, this one has {length}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match Endpoint::parse(text, 8080, 0o600) {
            Ok(endpoint) => endpoint.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn an_address_without_a_port_has_the_default_of_the_setting_port() {
        let declared = crate::declaration::network::PORT.default;
        assert_eq!(declared, Some(DEFAULT_PORT.to_string().as_str()));
    }

    #[test]
    fn every_way_to_write_an_endpoint_is_understood() {
        for (text, endpoint) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("localhost", "localhost:8080"),
            ("*:0", "*:0"),
            (":8000", "*:8000"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::1]", "[::1]:8080"),
            ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80"),
            ("127.0.0.1:http", "127.0.0.1:http"),
            ("unix:/run/web.sock", "unix:/run/web.sock"),
            ("unix:///run/web.sock", "unix:/run/web.sock"),
            ("fd://3", "fd://3"),
        ] {
            assert_eq!(parsed(text), endpoint);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_the_right_spelling() {
        for (text, error) in [
            ("8080", "write `*:8080` to listen on every address"),
            ("::1", "write an IPv6 address in brackets: `[::1]:8080`"),
            ("/run/web.sock", "write `unix:/run/web.sock` for a Unix socket"),
            ("http://h:80", "write `host:port`, without a scheme"),
            ("h:99999", "a port is a whole number from 0 to 65535, or the name of a service"),
            ("h:", "a port is a whole number from 0 to 65535, or the name of a service"),
            ("[h]:80", "brackets are for IPv6 addresses only"),
            ("a b:80", "`a b` is neither a name nor an address"),
            ("fd://x", "a descriptor is a whole number, as in `fd://3`"),
        ] {
            assert_eq!(parsed(text), format!("error: {error}"));
        }
    }
}
