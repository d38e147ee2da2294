//! The environ variables that the access log shows, as gunicorn's `%({X}e)s`: whatever the case of the
//! name, and as the application has left them.
//!
//! The environ is kept until the response ends, where the pattern has such a variable, and only there.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyDict, PyString};

use crate::interpreter::{attach, latin1};

/// The maximum length of a value. An application may put anything into its environ.
const VALUE_BYTES_MAX: usize = 1024;

/// The variables of one request at a time.
pub(crate) struct LoggedEnviron {
    names: Arc<[String]>,
    environ: Mutex<Option<Py<PyDict>>>,
}

impl LoggedEnviron {
    pub(crate) fn new(names: Arc<[String]>) -> Self {
        Self { names, environ: Mutex::default() }
    }

    /// Keeps the environ of a request, if some of it is shown.
    pub(crate) fn watch(&self, py: Python<'_>, environ: &Bound<'_, PyDict>) {
        if !self.names.is_empty() {
            self.replace(py, Some(environ.clone().unbind()));
        }
    }

    /// The value of each variable, once for each request; `None` where nothing is shown.
    pub(crate) fn values(&self, py: Python<'_>) -> Option<Vec<Option<Vec<u8>>>> {
        if self.names.is_empty() {
            return None;
        }
        let environ = self.replace(py, None)?;
        let environ = environ.bind(py);
        Some(self.names.iter().map(|name| value(environ, name)).collect())
    }

    fn replace(&self, py: Python<'_>, environ: Option<Py<PyDict>>) -> Option<Py<PyDict>> {
        let mut kept = self.environ.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *kept, environ)
    }
}

/// The text of a variable in bytes; `None` if there is none, or if the object cannot say what it is.
fn value(environ: &Bound<'_, PyDict>, name: &str) -> Option<Vec<u8>> {
    let value = match environ.get_item(name).ok()? {
        Some(value) => value,
        None => {
            let is_it = |key: &Bound<'_, PyAny>| {
                let key = key.cast::<PyString>().ok().and_then(|key| key.to_str().ok());
                key.is_some_and(|key| key.eq_ignore_ascii_case(name))
            };
            environ.items().iter().find_map(|item| {
                let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract().ok()?;
                is_it(&key).then_some(value)
            })?
        }
    };
    let text = attach::call_python(|| value.str()).ok()?;
    // What came from the client is one character for each byte.
    let mut bytes = match latin1::to_bytes(&text, "") {
        Ok(bytes) => bytes.into_owned(),
        Err(_) => text.to_string_lossy().into_owned().into_bytes(),
    };
    bytes.truncate(VALUE_BYTES_MAX);
    Some(bytes)
}
