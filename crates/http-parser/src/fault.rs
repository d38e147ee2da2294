//! Faults: errors made by the application.
//!
//! If the response head has not been sent, a fault is answered with 500. Otherwise, the connection
//! ends before the response does, so that the client cannot mistake that for a complete one: it is
//! closed, or reset where a close would look like the end of the body. The log has one line about it.

/// An error of the application that ends its response. Values in it are escaped and shortened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationFault {
    /// Content-Length is not 1*DIGIT.
    #[error("Content-Length must be digits, not `{0}`")]
    BadContentLength(String),
    /// A field name that is not a token.
    #[error("`{0}` is not a field name: it must be a token (RFC 9110, section 5.1)")]
    BadFieldName(String),
    /// A field value with CR, LF, NUL or another control character.
    #[error("the value of `{0}` holds a control character or one beyond latin-1")]
    BadFieldValue(String),
    /// A status that does not look like `200 OK`, or is below 200.
    #[error("status `{0}` must be three digits from 200 on, a space and a reason")]
    BadStatus(String),
    /// A hop-by-hop field.
    #[error("`{0}` is a hop-by-hop field, which only the server may set (PEP 3333)")]
    HopByHop(String),
    /// More than one Content-Length.
    #[error("Content-Length was given twice")]
    RepeatedContentLength,
    /// A body chunk that is not `bytes`; the value is the name of its type.
    #[error("a response body must be made of bytes, not {0}")]
    NotBytes(String),
    /// The returned object is not an iterable of bytes: it cannot be iterated, or is a single
    /// `bytes` or `str`. The value is the name of its type.
    #[error("the application must return an iterable of bytes, not {0}")]
    NotIterable(String),
    /// The application did not call `start_response` before the body.
    #[error("the application did not call start_response before the body")]
    NotStarted,
    /// The application raised an exception, whose traceback has already been logged.
    #[error("the application raised an exception while {stage}")]
    Raised {
        /// The stage in which it was raised.
        stage: Stage,
        /// The traceback, if `expose-tracebacks` allows the client to see it.
        detail: Option<String>,
    },
    /// The worker thread panicked, or dropped the exchange without a response.
    #[error("the request was dropped without a response")]
    Dropped,
}

/// The stage of a request in which the application raised an exception; a label in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The call of the application.
    Call,
    /// The iteration of the object that it returned.
    Iterate,
    /// `close()` of that object. The response has been sent by then, so the exception is logged and
    /// counted, but does not affect the response.
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
