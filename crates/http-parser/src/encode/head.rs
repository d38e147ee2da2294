//! Completes a response head. The application's lines stay unchanged; the server's fields follow:
//! framing, Connection, Date, Server.

use std::io::Write as _;

use super::date::HttpDate;
use super::framing::{FramingField, ResponseTo};
use crate::message::{ResponseHead, Version};

/// Whether another request may follow on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// The connection stays open.
    KeepAlive,
    /// The connection is closed after the response.
    Close,
}

/// The fields that the server adds to every head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerFields<'a> {
    /// The value of Date.
    pub date: &'a HttpDate,
    /// The value of Server; `None` leaves the field out. Must be a valid field value.
    pub server: Option<&'a str>,
}

/// Appends the completed head to `out`. If `out` is empty, the head's buffer is moved into it.
pub(crate) fn finish(
    head: ResponseHead,
    request: ResponseTo,
    field: FramingField,
    persistence: Persistence,
    server_fields: ServerFields<'_>,
    out: &mut Vec<u8>,
) {
    let (has_date, has_server) = (head.has_date(), head.has_server());
    let mut lines = head.into_lines();
    if request.version == Version::Http10 {
        // In "HTTP/1.1 …": the status line repeats the version of the request, because an HTTP/1.0
        // client does not know 1.1.
        if let Some(minor) = lines.get_mut(7) {
            *minor = b'0';
        }
    }
    append(&mut lines, request.version, field, persistence);
    if !has_date {
        lines.extend_from_slice(b"Date: ");
        lines.extend_from_slice(server_fields.date.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    if let (false, Some(server)) = (has_server, server_fields.server) {
        lines.extend_from_slice(b"Server: ");
        lines.extend_from_slice(server.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    lines.extend_from_slice(b"\r\n");
    if out.is_empty() {
        *out = lines;
    } else {
        out.extend_from_slice(&lines);
    }
}

/// Appends the framing field and Connection. HTTP/1.1 is persistent by default, HTTP/1.0 is not.
fn append(lines: &mut Vec<u8>, version: Version, field: FramingField, persistence: Persistence) {
    match field {
        FramingField::None => {}
        FramingField::Length(length) => {
            // Writing to a Vec cannot fail.
            let _ = write!(lines, "Content-Length: {length}\r\n");
        }
        FramingField::Chunked => lines.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    match (persistence, version) {
        (Persistence::KeepAlive, Version::Http11) => {}
        (Persistence::KeepAlive, Version::Http10) => {
            lines.extend_from_slice(b"Connection: Keep-Alive\r\n");
        }
        (Persistence::Close, _) => lines.extend_from_slice(b"Connection: close\r\n"),
    }
}
