//! Recognises clients that speak another protocol, so that they and the operator are told which one.
//!
//! Most such clients are mistakes in a configuration: `https://` with the port of the server, a load
//! balancer that announces its clients with the PROXY protocol, nginx with `uwsgi_pass`. A start
//! line that "is invalid" would leave the reader to guess. What is decided here is only the name of
//! the rejection: nothing that comes here is a request. The first byte must be enough, because more
//! may come later, and the same bytes must mean the same however they are split.

use crate::rejection::Rejection;

/// Why a message is rejected that begins with `byte`, which no method does, after this many bytes of
/// empty lines.
pub(super) fn by_first_byte(byte: u8, empty_line_bytes: usize) -> Rejection {
    match (byte, empty_line_bytes) {
        // The types of TLS records (RFC 8446 §5.1); a client begins with a handshake, 0x16.
        (0x14..=0x17, 0) => Rejection::Tls,
        // Version 2 begins with `\r\n\r\n\0\r\nQUIT\n`.
        (0, 4) => Rejection::ProxyProtocol,
        // uwsgi's packets begin with modifier 0, FastCGI's records with version 1.
        (0 | 1, 0) => Rejection::GatewayProtocol,
        _ => Rejection::RequestLine,
    }
}

/// Why `line` is rejected, which is no request line.
pub(super) fn by_line(line: &[u8]) -> Rejection {
    if line.starts_with(b"PROXY ") {
        Rejection::ProxyProtocol // version 1
    } else {
        Rejection::RequestLine
    }
}

/// Why a request line with this method and target is rejected, whose version is not ours.
pub(super) fn by_version(method: &[u8], target: &[u8], version: &[u8]) -> Rejection {
    match (method, target, version) {
        // The connection preface (RFC 9113 §3.4).
        (b"PRI", b"*", b"HTTP/2.0") => Rejection::Http2,
        _ => Rejection::Version,
    }
}
