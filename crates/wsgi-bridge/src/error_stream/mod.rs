//! `wsgi.errors`: a text stream for the application's error output (PEP 3333, "Input and Error
//! Streams").
//!
//! Where the server owns the process, the text goes to its log, in whole lines. After `flush()` it has
//! been written, as PEP 3333 demands: a process that ends right afterwards loses nothing. In a program
//! that embeds the server, the text goes to `sys.stderr`.

mod lines;
mod log_stream;
mod sys_stderr;

use std::sync::Arc;

use pyo3::prelude::*;

pub(crate) use self::lines::finish as finish_lines;
pub use self::log_stream::log_stream;
use self::sys_stderr::SysStderr;
use crate::log::Log;

/// Where the application's error output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOutput {
    /// To the log, in whole lines.
    Log,
    /// To `sys.stderr`, as it is.
    SysStderr,
}

impl ErrorOutput {
    /// An object that is `wsgi.errors`, for any number of requests and threads.
    pub(crate) fn stream<'py>(
        self,
        py: Python<'py>,
        log: &Arc<dyn Log>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Log => log_stream(py, Arc::<dyn Log>::clone(log)),
            Self::SysStderr => Bound::new(py, SysStderr).map(Bound::into_any),
        }
    }
}
