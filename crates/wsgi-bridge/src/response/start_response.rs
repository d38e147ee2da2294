//! `start_response` and `write` (PEP 3333, "The start_response() Callable").
//!
//! Invalid responses are rejected here, as an exception inside the application, so the traceback
//! has a line number: `AssertionError` for violations of PEP 3333, `ValueError` for violations of
//! HTTP, as in Waitress and wsgiref. The rules for fields are in
//! `maitred_http_parser::message::response`.

use std::borrow::Cow;
use std::sync::Arc;

use maitred_http_parser::exchange::Flow;
use maitred_http_parser::{ApplicationFault, ResponseHead};
use pyo3::exceptions::{
    PyAssertionError, PyBrokenPipeError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTraceback, PyTuple};

use super::{HeadRefused, PendingResponse, StartCall, chunk};
use crate::interpreter::latin1;
use crate::interpreter::reference_count::has_references;

/// The object whose method is passed to the application as `start_response`.
#[pyclass(frozen, module = "maitred")]
pub(crate) struct StartResponse {
    response: Arc<PendingResponse>,
    write: Py<Write>,
}

impl StartResponse {
    pub(crate) fn new(py: Python<'_>, response: Arc<PendingResponse>) -> PyResult<Self> {
        let write = Py::new(py, Write { response: Arc::clone(&response) })?;
        Ok(Self { response, write })
    }

    /// Whether only this object holds `write`.
    pub(crate) fn is_write_free(&self, py: Python<'_>) -> bool {
        has_references(py, &self.write, 1)
    }
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, exc_info=None))]
    fn start_response(
        &self,
        py: Python<'_>,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<Write>> {
        let exc_info = match exc_info {
            Some(exc_info) if exc_info.is_truthy()? => Some(exc_info),
            _ => None,
        };
        let call = if exc_info.is_some() { StartCall::Replacement } else { StartCall::First };
        let head = response_head(status, headers)?;
        let taken = self.response.start(py, head, call);
        match (taken, exc_info) {
            (Ok(()), _) => Ok(self.write.clone_ref(py)),
            (Err(HeadRefused::AlreadySent), Some(exc_info)) => Err(reraised(exc_info)),
            (Err(reason), _) => Err(refused(reason)),
        }
    }
}

/// The imperative way to send, which `start_response` returns (PEP 3333, "The write() Callable").
#[pyclass(frozen, module = "maitred", name = "write")]
pub(crate) struct Write {
    response: Arc<PendingResponse>,
}

#[pymethods]
impl Write {
    fn __call__(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        if self.response.is_in_forked_child() {
            return Err(refused(HeadRefused::NotOurs));
        }
        let Some(data) = chunk::to_bytes(data)? else {
            self.response.send_empty_head(py);
            let kind = chunk::kind(data);
            return Err(PyTypeError::new_err(format!("write() takes bytes, not {kind}")));
        };
        match self.response.send(py, &data) {
            Ok(Flow::Gone) => Err(PyBrokenPipeError::new_err("the client has gone")),
            Ok(Flow::Continue | Flow::Wait | Flow::Enough) => Ok(()),
            Err(fault) => Err(PyRuntimeError::new_err(fault.to_string())),
        }
    }
}

/// Validates and renders the status and the headers.
fn response_head(status: &Bound<'_, PyAny>, headers: &Bound<'_, PyAny>) -> PyResult<ResponseHead> {
    let status = latin1_bytes(status, "the status")?;
    let mut head = ResponseHead::new(&status).map_err(|fault| exception(&fault))?;
    if let Ok(headers) = headers.cast::<PyList>() {
        for header in headers {
            push(&mut head, &header)?;
        }
    } else {
        // PEP 3333 requires a list. Waitress accepts any iterable, and so does Maitred.
        for header in headers.try_iter()? {
            push(&mut head, &header?)?;
        }
    }
    Ok(head)
}

/// Adds one `(name, value)`.
fn push(head: &mut ResponseHead, header: &Bound<'_, PyAny>) -> PyResult<()> {
    let pair;
    let header = match header.cast::<PyTuple>() {
        Ok(tuple) => tuple,
        Err(_) => {
            pair = header.try_iter()?.collect::<PyResult<Vec<_>>>()?;
            &PyTuple::new(header.py(), pair)?
        }
    };
    if header.len() != 2 {
        return Err(PyValueError::new_err(format!(
            "a header must be a (name, value) pair, not {} values",
            header.len()
        )));
    }
    let (name, value) = (header.get_borrowed_item(0)?, header.get_borrowed_item(1)?);
    let name = latin1_bytes(&name, "a header name")?;
    let value = latin1_bytes(&value, "a header value")?;
    head.push(&name, &value).map_err(|fault| exception(&fault))
}

/// The bytes of a `str` of the application.
#[inline(always)]
fn latin1_bytes<'a>(object: &'a Bound<'_, PyAny>, what: &str) -> PyResult<Cow<'a, [u8]>> {
    match object.cast::<PyString>() {
        Ok(text) => latin1::to_bytes(text, what),
        Err(_) => Err(not_a_str(object, what)),
    }
}

#[cold]
fn not_a_str(object: &Bound<'_, PyAny>, what: &str) -> PyErr {
    let kind = object.get_type().qualname();
    let kind = kind.as_ref().map_or("something else".into(), |kind| kind.to_string_lossy());
    PyAssertionError::new_err(format!("{what} must be str, not {kind}"))
}

/// The exception that reports an error to the application.
fn exception(fault: &ApplicationFault) -> PyErr {
    match fault {
        ApplicationFault::HopByHop(_) => PyAssertionError::new_err(fault.to_string()),
        _ => PyValueError::new_err(fault.to_string()),
    }
}

fn refused(reason: HeadRefused) -> PyErr {
    match reason {
        HeadRefused::AlreadyStarted => PyAssertionError::new_err(
            "start_response was called a second time without exc_info (PEP 3333)",
        ),
        HeadRefused::AlreadySent => PyAssertionError::new_err("the response head has been sent"),
        HeadRefused::Ended => PyAssertionError::new_err("the response has ended"),
        HeadRefused::NotOurs => {
            PyRuntimeError::new_err("a forked child cannot answer its parent's request")
        }
    }
}

/// The exception of `exc_info` with its traceback, to be re-raised.
fn reraised(exc_info: &Bound<'_, PyAny>) -> PyErr {
    let error = exc_info.get_item(1).map(PyErr::from_value);
    match error {
        Ok(error) => {
            let traceback = exc_info.get_item(2).ok();
            let traceback = traceback.and_then(|item| item.cast_into::<PyTraceback>().ok());
            if traceback.is_some() {
                error.set_traceback(exc_info.py(), traceback);
            }
            error
        }
        Err(error) => error,
    }
}
