//! Every bound of the parser, its default, and why it is that number.

/// How much of each thing a client may send. The defaults are those of the settings with the same
/// names; the rest is fixed, because nobody has a reason to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head: request line, field lines and the empty line, line ends included. The
    /// limit itself is still allowed. Beyond it: 431. (`max-request-header-size`)
    pub head_bytes: usize,
    /// Bytes of a request target. Beyond it: 414.
    pub target_bytes: usize,
    /// Bytes of a method. Beyond it: 501, as RFC 9112 §3 has it.
    pub method_bytes: usize,
    /// Field lines of a head, and of a trailer section. Beyond it: 431.
    pub fields: usize,
    /// Bytes of a body. Beyond it: 413. (`max-request-body-size`)
    pub body_bytes: u64,
    /// Bytes of one chunk-size line, extensions included.
    pub chunk_line_bytes: usize,
    /// Bytes of the chunk extensions of one whole body (Go's CVE-2023-39326).
    pub chunk_extension_bytes: usize,
    /// Bytes of a trailer section.
    pub trailer_bytes: usize,
    /// Bytes of further requests that are held while one is being answered. When they are full the
    /// socket is not read until the answer has gone.
    pub ahead_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 256 * 1024,  // Waitress's; cookies and tokens fit many times over
            target_bytes: 64 * 1024, // eight times what RFC 9112 §3 asks to be supported
            method_bytes: 64,        // the longest registered one has 17
            fields: 100,             // browsers send fewer than 30; hyper and nginx agree
            body_bytes: 1024 * 1024 * 1024, // Waitress's
            chunk_line_bytes: 512,   // 16 digits, and more extension than anybody sends
            chunk_extension_bytes: 16 * 1024, // of one body, so that they cannot outweigh it
            trailer_bytes: 16 * 1024, // they are read and thrown away
            ahead_bytes: 64 * 1024,  // two full reads of the socket
        }
    }
}
