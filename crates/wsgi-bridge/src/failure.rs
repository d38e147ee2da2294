//! Why a response body could not be sent completely.

use maitred_http_parser::ApplicationFault;
use pyo3::PyErr;

/// Why a body could not be sent completely.
pub(crate) enum Failure {
    /// The application raised an exception during iteration.
    Raised(PyErr),
    /// The application returned an invalid body.
    Fault(ApplicationFault),
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl From<ApplicationFault> for Failure {
    fn from(fault: ApplicationFault) -> Self {
        Self::Fault(fault)
    }
}
