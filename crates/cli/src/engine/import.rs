//! Loads the application as the settings say: changes the directory, extends `sys.path`, imports.

use std::path::Path;

use maitred_config::Settings;
use maitred_wsgi_bridge::application::load::{Kind, LoadError, load as find};
use pyo3::prelude::*;

/// Why the application cannot be served.
pub(crate) struct ImportError {
    /// The text for stderr: one line, and the application's traceback if there is one.
    pub(crate) text: String,
    /// The exception of the application, if it raised one.
    pub(crate) raised: Option<PyErr>,
}

impl From<String> for ImportError {
    fn from(text: String) -> Self {
        Self { text, raised: None }
    }
}

/// Changes to `chdir`, puts it and `python-path` on `sys.path`, and imports the application.
///
/// # Errors
/// It cannot be imported, or is none.
pub(crate) fn load(py: Python<'_>, settings: &Settings) -> Result<Py<PyAny>, ImportError> {
    if let Some(folder) = &settings.application.chdir {
        change_to(py, folder).map_err(|error| {
            format!("error: cannot change to the directory `{}`: {error}\n", folder.display())
        })?;
    }
    let name = settings.application.app.as_deref().unwrap_or_default();
    make_importable(py, &settings.application.python_path)
        .map_err(|error| format!("error: cannot change sys.path: {error}\n"))?;
    let kind = if settings.application.call { Kind::Factory } else { Kind::Application };
    find(py, name, kind).map_err(|error| {
        let hint = match &error {
            LoadError::NoModule { module, .. } => hint(py, module, name),
            _ => None,
        };
        let hint = hint.map(|hint| format!("   = help: {hint}\n")).unwrap_or_default();
        let text = format!("error: {}\n{hint}", error.to_string().trim_end());
        let raised = match error {
            LoadError::Raised { error, .. } => Some(*error),
            _ => None,
        };
        ImportError { text, raised }
    })
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
    py.import("os")?.call_method1("chdir", (folder.as_os_str(),)).map(drop)
}

/// Puts the directories at the front of `sys.path`, and adds the current one, as `python -m` does.
fn make_importable(py: Python<'_>, folders: &[std::path::PathBuf]) -> PyResult<()> {
    let path = py.import("sys")?.getattr("path")?;
    let current = py.import("os")?.call_method0("getcwd")?;
    if !path.contains(&current)? {
        path.call_method1("insert", (0, current))?;
    }
    for folder in folders.iter().rev() {
        path.call_method1("insert", (0, folder.as_os_str()))?;
    }
    Ok(())
}
