//! The reasons for rejecting a request, with their statuses.
//!
//! Each has a name, which is the `reason` in `maitred_protocol_errors_total` and in the log, and a
//! text, which is in the body of the response.

/// Why a request was rejected. Nothing after it is parsed as a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rejection {
    /// A bare CR or LF in a head or a chunk line.
    BareLineEnd,
    /// A body longer than `max-request-body-size`.
    BodyTooLarge,
    /// The connection was closed, or half-closed, before the request was complete.
    CutShort,
    /// The body did not arrive in time.
    BodyTimeout,
    /// Chunk data that is not followed by CRLF.
    ChunkTermination,
    /// An invalid chunk extension, or one over its limit.
    ChunkExtension,
    /// A chunk size that is not 1 to 16 hexadecimal digits.
    ChunkSize,
    /// CONNECT, which requests a tunnel; an origin server does not provide one.
    Connect,
    /// A Content-Length that is not a single line of digits.
    ContentLength,
    /// An expectation other than `100-continue`.
    Expectation,
    /// An invalid field line.
    FieldLine,
    /// A malformed forwarding field from a trusted proxy.
    Forwarded,
    /// The beginning of a message of uwsgi or FastCGI.
    GatewayProtocol,
    /// The head did not arrive in time.
    HeadTimeout,
    /// A head longer than `max-request-header-size`.
    HeadTooLarge,
    /// Host missing, repeated or invalid.
    Host,
    /// The connection preface of HTTP/2.
    Http2,
    /// Content-Length together with Transfer-Encoding.
    LengthAndChunked,
    /// A method over its limit.
    MethodTooLong,
    /// The beginning of the PROXY protocol, version 1 or 2.
    ProxyProtocol,
    /// Two different values of a field that is no list.
    RepeatedField,
    /// An invalid request line.
    RequestLine,
    /// A target in a form that the method does not allow, or with invalid bytes.
    Target,
    /// A target longer than the limit.
    TargetTooLong,
    /// The beginning of a TLS record.
    Tls,
    /// More field lines than `max-request-header-fields`.
    TooManyFields,
    /// A trailer section that is invalid, over its limit, or has a forbidden field.
    Trailer,
    /// Transfer-Encoding with chunked twice, with parameters, empty, or on HTTP/1.0.
    TransferEncoding,
    /// A transfer coding other than chunked.
    UnknownCoding,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    Version,
}

impl Rejection {
    /// All rejections, in the order of the enum.
    pub const ALL: [Self; 30] = [
        Self::BareLineEnd,
        Self::BodyTooLarge,
        Self::CutShort,
        Self::BodyTimeout,
        Self::ChunkTermination,
        Self::ChunkExtension,
        Self::ChunkSize,
        Self::Connect,
        Self::ContentLength,
        Self::Expectation,
        Self::FieldLine,
        Self::Forwarded,
        Self::GatewayProtocol,
        Self::HeadTimeout,
        Self::HeadTooLarge,
        Self::Host,
        Self::Http2,
        Self::LengthAndChunked,
        Self::MethodTooLong,
        Self::ProxyProtocol,
        Self::RepeatedField,
        Self::RequestLine,
        Self::Target,
        Self::TargetTooLong,
        Self::Tls,
        Self::TooManyFields,
        Self::Trailer,
        Self::TransferEncoding,
        Self::UnknownCoding,
        Self::Version,
    ];

    /// The status of the response.
    pub const fn status(self) -> u16 {
        match self {
            Self::HeadTimeout | Self::BodyTimeout => 408, // RFC 9110, 15.5.9
            Self::BodyTooLarge => 413,                    // RFC 9110, 15.5.14
            Self::TargetTooLong => 414,                   // RFC 9110, 15.5.15
            Self::Expectation => 417,                     // RFC 9110, 15.5.18
            Self::HeadTooLarge | Self::TooManyFields => 431, // RFC 6585, 5
            Self::Connect | Self::MethodTooLong | Self::UnknownCoding => 501, // RFC 9110, 15.6.2
            Self::Http2 | Self::Version => 505,           // RFC 9110, 15.6.6
            _ => 400,                                     // RFC 9112, 2.2
        }
    }

    /// The name in metrics and logs: lower case, words joined by `_`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BareLineEnd => "bare_line_end",
            Self::BodyTimeout => "body_timeout",
            Self::BodyTooLarge => "body_too_large",
            Self::ChunkExtension => "chunk_extension",
            Self::ChunkSize => "chunk_size",
            Self::ChunkTermination => "chunk_termination",
            Self::Connect => "connect",
            Self::ContentLength => "content_length",
            Self::CutShort => "cut_short",
            Self::Expectation => "expectation",
            Self::FieldLine => "field_line",
            Self::Forwarded => "forwarded",
            Self::GatewayProtocol => "gateway_protocol",
            Self::HeadTimeout => "head_timeout",
            Self::HeadTooLarge => "head_too_large",
            Self::Host => "host",
            Self::Http2 => "http2",
            Self::LengthAndChunked => "length_and_chunked",
            Self::MethodTooLong => "method_too_long",
            Self::ProxyProtocol => "proxy_protocol",
            Self::RepeatedField => "repeated_field",
            Self::RequestLine => "request_line",
            Self::Target => "target",
            Self::TargetTooLong => "target_too_long",
            Self::Tls => "tls",
            Self::TooManyFields => "too_many_fields",
            Self::Trailer => "trailer",
            Self::TransferEncoding => "transfer_encoding",
            Self::UnknownCoding => "unknown_coding",
            Self::Version => "version",
        }
    }

    /// The text in the body of the response.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::BareLineEnd => "Bare CR or LF found in HTTP message",
            Self::BodyTimeout => "The request body did not arrive in time",
            Self::BodyTooLarge => "The request body exceeds the server's limit",
            Self::ChunkExtension => "Invalid chunk extension",
            Self::ChunkSize => "Invalid chunk size",
            Self::ChunkTermination => "Chunk not properly terminated",
            Self::Connect => "CONNECT is not supported",
            Self::ContentLength => "Content-Length is invalid",
            Self::CutShort => "The request ended before it was complete",
            Self::Expectation => "The expectation cannot be met",
            Self::FieldLine => "Malformed header line",
            Self::Forwarded => "Malformed header of a proxy",
            Self::GatewayProtocol => {
                "This looks like uwsgi or FastCGI: the server speaks HTTP (in nginx, proxy_pass)"
            }
            Self::HeadTimeout => "The request head did not arrive in time",
            Self::HeadTooLarge => "The request head exceeds the server's limit",
            Self::Host => "Host must be given once and be valid",
            Self::Http2 => "This looks like HTTP/2: the server speaks HTTP/1.1",
            Self::LengthAndChunked => "Content-Length together with Transfer-Encoding",
            Self::MethodTooLong => "The method is too long",
            Self::ProxyProtocol => {
                "This looks like the PROXY protocol: the server speaks HTTP, and reads Forwarded or \
                 X-Forwarded-For"
            }
            Self::RepeatedField => "A header that may be given once has two values",
            Self::RequestLine => "Start line is invalid",
            Self::Target => "Bad URI",
            Self::TargetTooLong => "The request target exceeds the server's limit",
            Self::Tls => "This looks like TLS: the server speaks plain HTTP",
            Self::TooManyFields => "Too many header lines",
            Self::Trailer => "Invalid trailer section",
            Self::TransferEncoding => "Transfer-Encoding is invalid",
            Self::UnknownCoding => "Transfer-Encoding requested is not supported",
            Self::Version => "HTTP version not supported",
        }
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for Rejection {}
