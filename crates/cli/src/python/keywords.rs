//! Converts the keywords of `maitred.serve()` and similar functions to values of settings.
//!
//! The config crate interprets the values. A socket is passed as its descriptor, a path as text,
//! any other iterable as a list.

use std::ffi::OsString;

use maitred_config::{Problems, Value, path_text};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::process::sources::SourceTexts;

/// Reads the keywords of a call.
///
/// # Errors
/// `ValueError` for a value of a type that no setting has.
pub(crate) fn read(keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<(String, Value)>> {
    let mut settings = Vec::new();
    for (name, value) in keywords.into_iter().flatten() {
        let name: String = name.extract()?;
        let value = value_of(&name, &value)?;
        settings.push((name, value));
    }
    Ok(settings)
}

/// Reads keywords as `create_server` does, and returns every setting by its keyword: durations in
/// seconds, sizes in bytes.
#[pyfunction]
#[pyo3(signature = (settings, /))]
pub(crate) fn read_settings<'py>(
    py: Python<'py>,
    settings: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyDict>> {
    let sources = SourceTexts::read(None, read(Some(settings))?).sources();
    let loaded = maitred_config::load(sources).map_err(|problems| refusal(&problems))?;
    let values = PyDict::new(py);
    for (setting, value) in loaded.plain() {
        values.set_item(setting.keyword(), object(py, value)?)?;
    }
    Ok(values)
}

fn object(py: Python<'_>, value: Value) -> PyResult<Bound<'_, PyAny>> {
    Ok(match value {
        Value::None => py.None().into_bound(py),
        Value::Bool(truth) => PyBool::new(py, truth).to_owned().into_any(),
        Value::Int(number) => PyInt::new(py, number).into_any(),
        Value::Float(number) => PyFloat::new(py, number).into_any(),
        // A path may hold what is not UTF-8.
        Value::Text(text) => {
            path_text::to_path(&text).into_os_string().into_pyobject(py)?.into_any()
        }
        Value::List(items) => {
            let objects: Vec<_> =
                items.into_iter().map(|item| object(py, item)).collect::<PyResult<_>>()?;
            PyList::new(py, objects)?.into_any()
        }
    })
}

/// The `ValueError` for invalid settings, with one line for each error.
pub(crate) fn refusal(problems: &Problems) -> PyErr {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    PyValueError::new_err(lines.join("\n"))
}

/// The value of a Python object.
///
/// # Errors
/// `ValueError` for a type that no setting has.
pub(crate) fn value_of(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    if value.is_none() {
        Ok(Value::None)
    } else if let Ok(truth) = value.cast::<PyBool>() {
        Ok(Value::Bool(truth.is_true()))
    } else if value.is_instance_of::<PyInt>() {
        value.extract().map(Value::Int).map_err(|_| refused(name, value, "is too large"))
    } else if value.is_instance_of::<PyFloat>() {
        value.extract().map(Value::Float)
    } else if let Ok(text) = value.cast::<PyString>() {
        Ok(Value::Text(text_of(text)?))
    } else if value.hasattr("__fspath__")? {
        let path = value.py().import("os")?.call_method1("fsdecode", (value,))?;
        Ok(Value::Text(text_of(path.cast()?)?))
    } else if value.hasattr("fileno")? {
        value.call_method0("fileno")?.extract().map(Value::Int)
    } else if let Ok(items) = value.try_iter() {
        items.map(|item| value_of(name, &item?)).collect::<PyResult<_>>().map(Value::List)
    } else {
        Err(refused(name, value, "has a type that no setting has"))
    }
}

/// Text, and what `os.fsdecode` makes of a path that is not UTF-8.
fn text_of(text: &Bound<'_, PyString>) -> PyResult<String> {
    match text.to_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => text.extract::<OsString>().map(|path| path_text::from_os(&path)),
    }
}

fn refused(name: &str, value: &Bound<'_, PyAny>, why: &str) -> PyErr {
    let shown = value.repr().map_or_else(|_| "its value".into(), |repr| repr.to_string());
    PyValueError::new_err(format!("`{name}`: {shown} {why}"))
}
