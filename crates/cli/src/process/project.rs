//! Finds the application in the files of the project. Python reads them, as syntax trees; nothing is
//! imported.

use std::path::Path;

use maitred_config::{Found, FoundApplication};
use pyo3::prelude::*;

use crate::engine::os_text;

/// The applications that the files of a folder suggest.
///
/// # Errors
/// Ctrl-C, or an exception that is not about the files.
pub(crate) fn find(py: Python<'_>, folder: &Path) -> PyResult<Found> {
    let project = py.import("maitred._project")?;
    let environ = py.import("os")?.getattr("environ")?;
    let folder = os_text::to_python(py, folder.as_os_str())?;
    let applications = listed(&project.call_method1("find", (&folder, environ))?)?;
    let nearby = match applications.as_slice() {
        [] => listed(&project.call_method1("nearby", (folder,))?)?,
        _ => Vec::new(),
    };
    Ok(Found { applications, nearby })
}

fn listed(found: &Bound<'_, PyAny>) -> PyResult<Vec<FoundApplication>> {
    let found: Vec<(String, String)> = found.extract()?;
    Ok(found.into_iter().map(|(name, reason)| FoundApplication { name, reason }).collect())
}
