//! The application as Python programs pass or name it.

use maitred_wsgi_bridge::application::load::{Kind, load, objection};
use pyo3::exceptions::{PyImportError, PyTypeError, PyValueError};
use pyo3::prelude::*;

/// Raises `ValueError` or `TypeError` for what can never be called as a WSGI application.
#[pyfunction]
#[pyo3(signature = (application, /))]
pub(crate) fn check_application(application: &Bound<'_, PyAny>) -> PyResult<()> {
    if application.is_none() {
        let message = "the application is None: does its factory return it?";
        return Err(PyValueError::new_err(message));
    }
    if !application.is_callable() {
        let message = format!("the application cannot be called: {}", application.repr()?);
        return Err(PyTypeError::new_err(message));
    }
    if let Some(objection) = objection(application) {
        let message = format!("the application {} {objection}", application.repr()?);
        return Err(PyTypeError::new_err(message));
    }
    Ok(())
}

/// Imports an application by its name, `package.module:attribute`; with `call`, what the named
/// factory returns. Raises `ImportError`, whose text includes the application's traceback.
#[pyfunction]
#[pyo3(signature = (name, call, /))]
pub(crate) fn import_application(py: Python<'_>, name: &str, call: bool) -> PyResult<Py<PyAny>> {
    let kind = if call { Kind::Factory } else { Kind::Application };
    load(py, name, kind).map_err(|error| PyImportError::new_err(error.to_string()))
}
