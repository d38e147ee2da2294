//! Turns the application's iterable into a response body (PEP 3333, "Buffering and Streaming").
//!
//! Each chunk is sent before the next one is requested, unless it is the only one: then head and
//! body are one write, with a Content-Length. Nothing is sent for an empty chunk. Iteration stops
//! when the client has disconnected, and after the first chunk if the response has no body (HEAD,
//! 204, 304): the rest would be made for nobody, and may have no end. The caller is responsible for
//! `close()`, on every path.

use maitred_http_parser::ApplicationFault;
use maitred_http_parser::exchange::Flow;
use pyo3::exceptions::PyException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyIterator, PyList, PyMemoryView, PyString, PyTuple};

use super::file_wrapper::FileWrapper;
use super::sent_file::{FileOwner, Sent};
use super::{Failure, PendingResponse, chunk};
use crate::interpreter::attach;

/// Sends the whole iterable and ends the response. `own` makes the owner of a file that the server
/// sends by itself.
pub(crate) fn send(
    py: Python<'_>,
    response: &PendingResponse,
    iterable: &Bound<'_, PyAny>,
    own: impl FnOnce(Py<PyAny>) -> FileOwner,
) -> Result<Sent, Failure> {
    if let Ok(list) = iterable.cast_exact::<PyList>() {
        match list.len() {
            0 => return finish(py, response),
            1 => return send_only(py, response, &list.get_item(0)?),
            _ => {}
        }
    } else if let Ok(tuple) = iterable.cast_exact::<PyTuple>() {
        match tuple.len() {
            0 => return finish(py, response),
            1 => return send_only(py, response, &tuple.get_item(0)?),
            _ => {}
        }
    } else if let Ok(wrapper) = iterable.cast_exact::<FileWrapper>() {
        if let Some(sent) = FileWrapper::send(wrapper, response, own)? {
            return Ok(sent);
        }
    } else if is_one_chunk(iterable) {
        // Iterating it would yield integers or single characters.
        return Err(Failure::Fault(ApplicationFault::NotIterable(chunk::kind(iterable))));
    }
    send_each(py, response, iterable)
}

/// Ends a response of which everything has been sent.
fn finish(py: Python<'_>, response: &PendingResponse) -> Result<Sent, Failure> {
    response.finish(py, None)?;
    Ok(Sent::Whole)
}

/// Whether the application has returned one chunk, or text, instead of an iterable of chunks.
fn is_one_chunk(object: &Bound<'_, PyAny>) -> bool {
    object.is_instance_of::<PyBytes>()
        || object.is_instance_of::<PyString>()
        || object.is_instance_of::<PyByteArray>()
        || object.is_instance_of::<PyMemoryView>()
}

/// Sends the only chunk.
fn send_only(
    py: Python<'_>,
    response: &PendingResponse,
    chunk: &Bound<'_, PyAny>,
) -> Result<Sent, Failure> {
    let bytes = as_bytes(py, response, chunk)?;
    response.finish(py, Some(&bytes))?;
    Ok(Sent::Whole)
}

fn send_each(
    py: Python<'_>,
    response: &PendingResponse,
    iterable: &Bound<'_, PyAny>,
) -> Result<Sent, Failure> {
    let mut chunks = match attach::call_python(|| iterable.try_iter()) {
        Ok(chunks) => chunks,
        Err(_) if !has(iterable, intern!(py, "__iter__"))? => {
            return Err(Failure::Fault(ApplicationFault::NotIterable(chunk::kind(iterable))));
        }
        Err(error) => return Err(Failure::Raised(error)),
    };
    // PEP 3333 lets a server rely on len(), if the call succeeds: if it is 1, the chunk is the whole
    // body.
    let mut only = match next(&mut chunks) {
        Some(first) if !chunks.is(iterable) && has_length_one(iterable)? => Some(first?),
        Some(first) => {
            if is_the_last(send_chunk(py, response, &first?)?) {
                return finish(py, response);
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
                return finish(py, response);
            }
        }
    }
    match only {
        Some(only) => send_only(py, response, &only),
        None => finish(py, response),
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
    Ok(response.send(py, &as_bytes(py, response, chunk)?)?)
}

/// Whether no further chunk is needed after this result.
fn is_the_last(flow: Flow) -> bool {
    match flow {
        Flow::Gone | Flow::Enough => true,
        Flow::Continue | Flow::Wait => false,
    }
}

/// Whether `len()` is 1. It is not called on an iterator, such as a generator, which has no length. An
/// object may have no length to tell, although its class has `__len__`: then it raises.
fn has_length_one(iterable: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = iterable.py();
    if !has(iterable, intern!(py, "__len__"))? {
        return Ok(false);
    }
    match attach::call_python(|| iterable.len()) {
        Ok(length) => Ok(length == 1),
        Err(error) if error.is_instance_of::<PyException>(py) => Ok(false),
        Err(error) => Err(error), // SystemExit, KeyboardInterrupt
    }
}

/// Whether the class of `object` has this special method; `None` in its place takes it away.
fn has(object: &Bound<'_, PyAny>, method: &Bound<'_, PyString>) -> PyResult<bool> {
    Ok(object.get_type().getattr_opt(method)?.is_some_and(|method| !method.is_none()))
}

fn as_bytes<'py>(
    py: Python<'_>,
    response: &PendingResponse,
    chunk: &Bound<'py, PyAny>,
) -> Result<Bound<'py, PyBytes>, Failure> {
    if let Some(bytes) = chunk::to_bytes(chunk)? {
        return Ok(bytes);
    }
    // A head that declares an empty body is sent, although this chunk is empty.
    response.send_empty_head(py);
    Err(Failure::Fault(ApplicationFault::NotBytes(chunk::kind(chunk))))
}
