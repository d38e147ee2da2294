//! Turns the application's iterable into a response body (PEP 3333, "Buffering and Streaming").
//!
//! Each chunk is sent before the next one is requested, unless it is the only one: then head and
//! body are one write, with a Content-Length. Nothing is sent for an empty chunk. Iteration stops
//! when the client has disconnected, and after the first chunk if the response has no body (HEAD,
//! 204, 304): the rest would be made for nobody, and may have no end. The caller is responsible for
//! `close()`, on every path.

use maitred_http_parser::ApplicationFault;
use maitred_http_parser::exchange::Flow;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList, PyString, PyTuple};

use super::file_wrapper::FileWrapper;
use super::{Failure, PendingResponse};
use crate::interpreter::attach;

/// Sends the whole iterable and ends the response.
pub(crate) fn send(
    py: Python<'_>,
    response: &PendingResponse,
    iterable: &Bound<'_, PyAny>,
) -> Result<(), Failure> {
    if let Ok(list) = iterable.cast_exact::<PyList>() {
        match list.len() {
            0 => return Ok(response.finish(py, None)?),
            1 => return send_only(py, response, &list.get_item(0)?),
            _ => {}
        }
    } else if let Ok(tuple) = iterable.cast_exact::<PyTuple>() {
        match tuple.len() {
            0 => return Ok(response.finish(py, None)?),
            1 => return send_only(py, response, &tuple.get_item(0)?),
            _ => {}
        }
    } else if let Ok(wrapper) = iterable.cast_exact::<FileWrapper>() {
        if FileWrapper::send(wrapper, response)? {
            return Ok(());
        }
    } else if iterable.is_instance_of::<PyBytes>() || iterable.is_instance_of::<PyString>() {
        // Iterating them would yield integers or single characters.
        return Err(Failure::Fault(ApplicationFault::NotIterable(kind(iterable))));
    }
    send_each(py, response, iterable)
}

/// Sends the only chunk.
fn send_only(
    py: Python<'_>,
    response: &PendingResponse,
    chunk: &Bound<'_, PyAny>,
) -> Result<(), Failure> {
    let bytes = as_bytes(py, response, chunk)?;
    Ok(response.finish(py, Some(bytes))?)
}

fn send_each(
    py: Python<'_>,
    response: &PendingResponse,
    iterable: &Bound<'_, PyAny>,
) -> Result<(), Failure> {
    let mut chunks = match attach::call_python(|| iterable.try_iter()) {
        Ok(chunks) => chunks,
        Err(_) if iterable.getattr_opt("__iter__")?.is_none() => {
            return Err(Failure::Fault(ApplicationFault::NotIterable(kind(iterable))));
        }
        Err(error) => return Err(Failure::Raised(error)),
    };
    // PEP 3333 lets a server rely on len(): if it is 1, the chunk is the whole body.
    let mut only = match next(&mut chunks) {
        Some(first) if !chunks.is(iterable) && has_length_one(iterable)? => Some(first?),
        Some(first) => {
            if is_the_last(send_chunk(py, response, &first?)?) {
                return Ok(response.finish(py, None)?);
            }
            None
        }
        None => None,
    };
    while let Some(chunk) = next(&mut chunks) {
        let chunk = chunk?;
        let before = only.take(); // len() was wrong
        for chunk in before.into_iter().chain([chunk]) {
            if is_the_last(send_chunk(py, response, &chunk)?) {
                return Ok(response.finish(py, None)?);
            }
        }
    }
    match only {
        Some(only) => send_only(py, response, &only),
        None => Ok(response.finish(py, None)?),
    }
}

/// Gets the next chunk from the application.
fn next<'py>(chunks: &mut Bound<'py, PyIterator>) -> Option<PyResult<Bound<'py, PyAny>>> {
    attach::call_python(|| chunks.next())
}

fn send_chunk(
    py: Python<'_>,
    response: &PendingResponse,
    chunk: &Bound<'_, PyAny>,
) -> Result<Flow, Failure> {
    Ok(response.send(py, as_bytes(py, response, chunk)?)?)
}

/// Whether no further chunk is needed after this result.
fn is_the_last(flow: Flow) -> bool {
    match flow {
        Flow::Gone | Flow::Enough => true,
        Flow::Continue | Flow::Wait => false,
    }
}

/// Whether `len()` is 1. It is not called on an iterator, such as a generator, which has no length.
fn has_length_one(iterable: &Bound<'_, PyAny>) -> PyResult<bool> {
    let has_length = iterable.get_type().getattr_opt(intern!(iterable.py(), "__len__"))?.is_some();
    Ok(has_length && iterable.len()? == 1)
}

fn as_bytes<'a, 'py>(
    py: Python<'_>,
    response: &PendingResponse,
    chunk: &'a Bound<'py, PyAny>,
) -> Result<&'a Bound<'py, PyBytes>, Failure> {
    chunk.cast::<PyBytes>().map_err(|_| {
        // A head that declares an empty body is sent, although this chunk is empty.
        response.send_empty_head(py);
        Failure::Fault(ApplicationFault::NotBytes(kind(chunk)))
    })
}

fn kind(object: &Bound<'_, PyAny>) -> String {
    object
        .get_type()
        .qualname()
        .map_or_else(|_| "something else".to_owned(), |name| name.to_string_lossy().into_owned())
}
