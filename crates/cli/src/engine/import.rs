//! Loads the application as the settings say: changes the directory, extends `sys.path`, configures
//! `logging`, imports the module of hooks and then the application.

use std::path::Path;

use maitred_config::{Loaded, Purpose, Settings};
use maitred_wsgi_bridge::application::load::{Kind, LoadError, load as find};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

use crate::engine::hooks;
use crate::engine::loopback_only::LoopbackOnly;
use crate::engine::os_text;
use crate::logging::Failure;
use crate::logging::config_file::{self, Unconfigured};

/// Why the application cannot be served.
pub(crate) struct ImportError {
    /// What is said of it.
    pub(crate) failure: Box<Failure>,
    /// The exception of the application, if it raised one.
    pub(crate) raised: Option<PyErr>,
}

impl From<String> for ImportError {
    fn from(message: String) -> Self {
        Self { failure: Box::new(message.into()), raised: None }
    }
}

impl From<Unconfigured> for ImportError {
    fn from(error: Unconfigured) -> Self {
        let failure = match error {
            Unconfigured::Problems(problems) => problems.iter().next().map(Failure::from),
            Unconfigured::Raised(error) => Some(error.to_string().into()),
        };
        Self { failure: Box::new(failure.unwrap_or_default()), raised: None }
    }
}

impl From<ImportError> for PyErr {
    /// The exception of the application, or one of ours that says what is wrong.
    fn from(error: ImportError) -> Self {
        error.raised.unwrap_or_else(|| PyImportError::new_err(error.failure.message))
    }
}

impl From<LoadError> for ImportError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Raised { action, exception, traceback, error } => {
                let message = format!("{action} raised {exception}");
                let exception = Some((exception, traceback));
                let failure = Failure { message, exception, ..Failure::default() };
                Self { failure: failure.into(), raised: Some(*error) }
            }
            other => other.to_string().trim_end().to_owned().into(),
        }
    }
}

/// Changes to `chdir`, puts it and `python-path` on `sys.path`, configures `logging`, and imports the
/// application, after the module of its hooks.
///
/// # Errors
/// It cannot be imported, or is none.
pub(crate) fn load(py: Python<'_>, loaded: &Loaded) -> Result<Py<PyAny>, ImportError> {
    let settings = &loaded.settings;
    if let Some(folder) = &settings.application.chdir {
        change_to(py, folder).map_err(|error| {
            format!("cannot change to the directory `{}`: {error}", folder.display())
        })?;
    }
    let name = settings.application.app.as_deref().unwrap_or_default();
    make_importable(py, &settings.application.python_path)
        .map_err(|error| format!("cannot change sys.path: {error}"))?;
    // What it names may be part of the application.
    config_file::apply(py, settings)?;
    hooks::import(py, loaded)?;
    let kind = if settings.application.call { Kind::Factory } else { Kind::Application };
    let found = find(py, name, kind).map_err(|error| {
        let hint = match &error {
            LoadError::NoModule { module, .. } => hint(py, module, name),
            _ => None,
        };
        let mut error = ImportError::from(error);
        error.failure.help = hint;
        error
    })?;
    if settings.purpose == Purpose::Production {
        return Ok(found);
    }
    develop(py, &found, settings).map_err(|error| {
        let message = format!("`dev` cannot serve the application: {error}");
        let failure = Failure { message, ..Failure::default() };
        ImportError { failure: failure.into(), raised: Some(error) }
    })
}

/// The application as `dev` serves it.
fn develop(py: Python<'_>, found: &Py<PyAny>, settings: &Settings) -> PyResult<Py<PyAny>> {
    let application = py
        .import("maitred.management.static_files")?
        .call_method1("with_static_files", (found,))?;
    if !settings.observability.expose_tracebacks {
        return Ok(application.unbind());
    }
    Ok(Py::new(py, LoopbackOnly(application.unbind()))?.into_any())
}

/// What helps if a module is missing: the command that was meant, or the folder that has it.
fn hint(py: Python<'_>, module: &str, name: &str) -> Option<String> {
    if let Some(hint) = maitred_config::command_meant_by(name) {
        return Some(hint);
    }
    // A hint is not worth an error of its own.
    let elsewhere = py
        .import("maitred._project")
        .and_then(|project| project.call_method1("elsewhere", (module, "."))?.extract());
    let option: Option<String> = elsewhere.ok()?;
    option.map(|option| format!("`{module}` is in another directory: add `{option}`"))
}

/// Changes the directory through Python, which also updates its own state on Windows.
fn change_to(py: Python<'_>, folder: &Path) -> PyResult<()> {
    let folder = os_text::to_python(py, folder.as_os_str())?;
    py.import("os")?.call_method1("chdir", (folder,)).map(drop)
}

/// Puts the directories at the front of `sys.path`, and adds the current one, as `python -m` does.
fn make_importable(py: Python<'_>, folders: &[std::path::PathBuf]) -> PyResult<()> {
    let path = py.import("sys")?.getattr("path")?;
    let current = py.import("os")?.call_method0("getcwd")?;
    if !path.contains(&current)? {
        path.call_method1("insert", (0, current))?;
    }
    for folder in folders.iter().rev() {
        path.call_method1("insert", (0, os_text::to_python(py, folder.as_os_str())?))?;
    }
    Ok(())
}
