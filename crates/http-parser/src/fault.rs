//! What an application does wrong: its own mistakes, never the client's.
//!
//! Before the head has gone a fault is answered with 500; after it, the response is cut off so
//! that the client cannot take it for whole. The operator gets one line that says which.

/// A mistake of the application that ends its response. Values in it are escaped and cut short.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationFault {
    /// Content-Length is not 1*DIGIT.
    #[error("Content-Length must be digits, not `{0}`")]
    BadContentLength(String),
    /// A field name that is no token.
    #[error("`{0}` is not a field name: it must be a token (RFC 9110, section 5.1)")]
    BadFieldName(String),
    /// A field value with CR, LF, NUL or another control character.
    #[error("the value of `{0}` holds a control character or one beyond latin-1")]
    BadFieldValue(String),
    /// A status of another shape than `200 OK`.
    #[error("status `{0}` must be three digits, a space and a reason")]
    BadStatus(String),
    /// A field that speaks about the connection.
    #[error("`{0}` is a hop-by-hop field, which only the server may set (PEP 3333)")]
    HopByHop(String),
    /// Content-Length stands twice.
    #[error("Content-Length was given twice")]
    RepeatedContentLength,
    /// The application raised; its traceback has been logged where it happened. `detail` is what
    /// `expose-tracebacks` shows to the client.
    #[error("the application raised an exception")]
    Raised {
        /// The traceback, when it may be shown to the client.
        detail: Option<String>,
    },
    /// The worker thread that answered panicked, or dropped the exchange without an answer.
    #[error("the request was dropped without an answer")]
    Dropped,
}
