//! `maitred config import`: converts the settings of another server, and names what has no
//! counterpart.

use maitred_config::{Imported, Problems, path_text};
use maitred_server::error_text::describe;
use pyo3::exceptions::{PyRecursionError, PySyntaxError, PyValueError};
use pyo3::prelude::*;

use crate::process::exit_status::ExitStatus;
use crate::process::output::{colour, print, print_error};
use crate::python::keywords;

/// Why nothing can be converted.
enum ConversionError {
    /// The text is for the user: lower case, no full stop.
    Unreadable(String),
    Unknown(Problems),
}

/// Converts a file, or the words of a command line.
///
/// # Errors
/// An exception that is not an error of the user.
pub(crate) fn import(py: Python<'_>, what: &[String]) -> PyResult<ExitStatus> {
    let imported = match (maitred_config::import_command_line(what), what) {
        (Some(imported), _) => imported.map_err(ConversionError::Unknown),
        (None, [path]) => file(py, path)?,
        (None, _) => Err(ConversionError::Unreadable("there is nothing to import".into())),
    };
    Ok(match imported {
        Ok(imported) => {
            for left_out in &imported.left_out {
                print_error(&format!("warning: {left_out}\n"));
            }
            print(&imported.toml)
        }
        Err(ConversionError::Unreadable(error)) => {
            print_error(&format!("error: {error}\n"));
            ExitStatus::Usage
        }
        Err(ConversionError::Unknown(problems)) => {
            print_error(&problems.render_each(colour()));
            ExitStatus::Usage
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "the file to convert is named by the user")]
fn file(py: Python<'_>, path: &str) -> PyResult<Result<Imported, ConversionError>> {
    let shown = path_text::shown(path);
    let text = std::fs::read(path_text::to_path(path))
        .map_err(|error| describe(&error))
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
    let text = match text {
        Ok(text) => text,
        Err(reason) => {
            return Ok(Err(ConversionError::Unreadable(format!(
                "cannot read `{shown}`: {reason}"
            ))));
        }
    };
    if !path.ends_with(".py") {
        return Ok(maitred_config::import(path, &text).map_err(ConversionError::Unknown));
    }
    match program(py, path, &text) {
        Ok(imported) => Ok(Ok(imported)),
        Err(error)
            if error.is_instance_of::<PySyntaxError>(py)
                || error.is_instance_of::<PyValueError>(py)
                || error.is_instance_of::<PyRecursionError>(py) =>
        {
            let reason = error.value(py);
            Ok(Err(ConversionError::Unreadable(format!(
                "cannot read `{shown}` as Python: {reason}"
            ))))
        }
        Err(error) => Err(error),
    }
}

/// Converts the assignments of a program, which is not executed.
fn program(py: Python<'_>, path: &str, text: &str) -> PyResult<Imported> {
    let read = py.import("maitred._gunicorn_conf")?.call_method1("read", (text,))?;
    let mut assignments = Vec::new();
    for assignment in read.get_item(0)?.try_iter()? {
        let (name, value): (String, Bound<'_, PyAny>) = assignment?.extract()?;
        let value = keywords::value_of(&name, &value)?;
        assignments.push((name, value));
    }
    Ok(maitred_config::import_gunicorn(path, assignments, read.get_item(1)?.extract()?))
}
