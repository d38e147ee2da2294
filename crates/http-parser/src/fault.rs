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
    /// A status of another shape than `200 OK`, or below 200.
    #[error("status `{0}` must be three digits from 200 on, a space and a reason")]
    BadStatus(String),
    /// A field that speaks about the connection.
    #[error("`{0}` is a hop-by-hop field, which only the server may set (PEP 3333)")]
    HopByHop(String),
    /// Content-Length stands twice.
    #[error("Content-Length was given twice")]
    RepeatedContentLength,
    /// A piece of the body that is not `bytes`; the name of its type.
    #[error("a response body must be made of bytes, not {0}")]
    NotBytes(String),
    /// What the application returned cannot be iterated, or is one `bytes` or `str` instead of an
    /// iterable of them; the name of its type.
    #[error("the application must return an iterable of bytes, not {0}")]
    NotIterable(String),
    /// A body without a head: the application never called `start_response`.
    #[error("the application did not call start_response before the body")]
    NotStarted,
    /// The application raised; its traceback has been logged where it happened. `detail` is what
    /// `expose-tracebacks` shows to the client.
    #[error("the application raised an exception while {stage}")]
    Raised {
        /// In which part of its work.
        stage: Stage,
        /// The traceback, when it may be shown to the client.
        detail: Option<String>,
    },
    /// The worker thread that answered panicked, or dropped the exchange without an answer.
    #[error("the request was dropped without an answer")]
    Dropped,
}

/// Where in a request an application raised. A label of metrics, so the set is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// In the call of the application itself.
    Call,
    /// In the iteration of what it returned.
    Iterate,
    /// In the `close()` of what it returned. The response has been sent by then, so this one is
    /// logged and counted, and never a fault of the response.
    Close,
}

impl Stage {
    /// The name in metrics and structured logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Iterate => "iterate",
            Self::Close => "close",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Call => "it was called",
            Self::Iterate => "its response was iterated",
            Self::Close => "its response was closed",
        })
    }
}
