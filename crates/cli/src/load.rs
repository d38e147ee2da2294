//! Finds the application where the settings say: the folder, the path, then the name.

use std::path::Path;

use maitred_config::Settings;
use maitred_wsgi_bridge::load::{Kind, load as find};
use pyo3::prelude::*;

/// Changes to the folder, makes it and the other folders importable, and imports the application.
///
/// # Errors
/// The text for stderr: one line, and the application's own traceback where there is one.
pub(crate) fn load(py: Python<'_>, settings: &Settings) -> Result<Py<PyAny>, String> {
    if let Some(folder) = &settings.chdir {
        change_to(py, folder).map_err(|error| {
            format!("error: cannot change to the folder `{}`: {error}\n", folder.display())
        })?;
    }
    let name = settings.app.as_deref().unwrap_or_default();
    make_importable(py, &settings.python_path)
        .map_err(|error| format!("error: cannot change sys.path: {error}\n"))?;
    let kind = if settings.call { Kind::Factory } else { Kind::Application };
    find(py, name, kind).map_err(|error| {
        let text = error.to_string();
        format!("error: {}\n", text.trim_end())
    })
}

/// Through Python, which keeps its own idea of the folder where the system has several.
fn change_to(py: Python<'_>, folder: &Path) -> PyResult<()> {
    py.import("os")?.call_method1("chdir", (folder.as_os_str(),)).map(drop)
}

/// Puts the folders in front of `sys.path`, and the current one, as `python -m` does.
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
