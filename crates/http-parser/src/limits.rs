//! Every limit of the parser, its default, and the reason for the number.

/// The empty lines before a request line that are skipped (RFC 9112 §2.2 speaks of at least one).
/// Clients that send any send one or two after a body.
pub(crate) const EMPTY_LINES: usize = 4;

/// The limits on what a client may send. Those with a setting have its name in parentheses; the
/// others are fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, inclusive: request line, field lines and the empty line, with line ends.
    /// Exceeding it is 431. (`max-request-header-size`)
    pub head_bytes: usize,
    /// Bytes of a request target. Exceeding it is 414.
    pub target_bytes: usize,
    /// Bytes of a method. Exceeding it is 501 (RFC 9112 §3).
    pub method_bytes: usize,
    /// Field lines of a head (exceeding it is 431) and of a trailer section (400).
    /// (`max-request-header-fields`)
    pub fields: usize,
    /// Bytes of a body, inclusive. Exceeding it is 413. (`max-request-body-size`)
    pub body_bytes: u64,
    /// Bytes of one chunk-size line, including extensions.
    pub chunk_line_bytes: usize,
    /// Bytes of all chunk extensions of a body (compare CVE-2023-39326 in Go).
    pub chunk_extension_bytes: usize,
    /// Bytes of a trailer section.
    pub trailer_bytes: usize,
    /// Bytes of pipelined requests that are buffered while a request is being answered. At this limit,
    /// the socket is not read until the response has been sent.
    pub pipelined_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 256 * 1024,           // Waitress's default
            target_bytes: 64 * 1024,          // RFC 9112 §3 recommends at least 8000
            method_bytes: 64,                 // the longest registered method has 17
            fields: 100, // browsers send fewer than 30; hyper has the same limit
            body_bytes: 1024 * 1024 * 1024, // Waitress's default
            chunk_line_bytes: 512, // 16 digits, and ample room for extensions
            chunk_extension_bytes: 16 * 1024, // so that extensions cannot outweigh the data
            trailer_bytes: 16 * 1024, // trailers are parsed and discarded
            pipelined_bytes: 64 * 1024, // two full reads of the socket
        }
    }
}
