//! Formats exceptions and stacks as Python does.
//!
//! This crate adds no Python frames to the stack, so a traceback begins with the application's
//! outermost one. Only a thread's stack begins with frames of `threading`, which are omitted.

use pyo3::prelude::*;
use pyo3::types::PyList;

/// The exception with its traceback, causes and notes, as printed by Python.
pub fn format_exception(py: Python<'_>, error: &PyErr) -> String {
    let lines = py.import("traceback").and_then(|traceback| {
        traceback.call_method1(
            "format_exception",
            (error.get_type(py), error.value(py), error.traceback(py)),
        )
    });
    // Formatting runs code of the application (`__str__`), which may fail.
    lines
        .and_then(|lines| join(&lines))
        .unwrap_or_else(|_| format!("{}: it could not be formatted\n", class_name(py, error)))
}

/// The name of the exception's class, such as `ValueError`.
pub fn class_name(py: Python<'_>, error: &PyErr) -> String {
    error
        .get_type(py)
        .qualname()
        .map_or_else(|_| "an exception".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The stack of the thread `ident`; `None` if it only has frames of `threading`.
pub(crate) fn format_stack(py: Python<'_>, ident: u64) -> PyResult<Option<String>> {
    let frames = py.import("sys")?.call_method0("_current_frames")?;
    let frame = frames.call_method1("get", (ident,))?;
    if frame.is_none() {
        return Ok(None);
    }
    let traceback = py.import("traceback")?;
    // The name that its code has, which in a program that brings its own library along is not that
    // of the module.
    let thread = py.import("threading")?.getattr("Thread")?;
    let starter = thread.getattr("is_alive")?.getattr("__code__")?.getattr("co_filename")?;
    let stack = traceback.call_method1("extract_stack", (frame,))?;
    let own = PyList::empty(py);
    for entry in stack.try_iter()? {
        let entry = entry?;
        if !own.is_empty() || !entry.getattr("filename")?.eq(&starter)? {
            own.append(entry)?;
        }
    }
    if own.is_empty() {
        return Ok(None);
    }
    join(&traceback.call_method1("format_list", (own,))?).map(Some)
}

fn join(lines: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut text = String::new();
    for line in lines.try_iter()? {
        text.push_str(&line?.str()?.to_string_lossy());
    }
    Ok(text)
}
