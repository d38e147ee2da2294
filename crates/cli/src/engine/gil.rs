//! Whether threads share a GIL, which an import may enable in a free-threaded interpreter.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Whether the interpreter has a GIL that is enabled.
///
/// # Errors
/// `sys` cannot be queried.
pub(crate) fn is_enabled(py: Python<'_>) -> PyResult<bool> {
    match py.import("sys")?.getattr_opt("_is_gil_enabled")? {
        Some(ask) => ask.call0()?.is_truthy(),
        None => Ok(true), // older than 3.13
    }
}

/// Logs that an import has enabled the GIL, which was disabled when the server was started.
pub(crate) fn log_enabled(py: Python<'_>) {
    let module = match culprit(py) {
        Some(module) => format!("of the module {module}, which does not declare that it"),
        None => "of a module that does not declare that it".to_owned(),
    };
    tracing::warn!(
        "the import {module} can run without the GIL has enabled the GIL: threads run Python code one \
         at a time from now on; look for a newer version of the module, or keep the GIL off with \
         PYTHON_GIL=0, at your own risk"
    );
}

/// The name of the module whose import has enabled the GIL. CPython has warned of it, and keeps the text
/// of a warning in the registry of the module whose code was running: that of the import system.
fn culprit(py: Python<'_>) -> Option<String> {
    let modules = py.import("sys").ok()?.getattr("modules").ok()?;
    let system = modules.get_item("_frozen_importlib").ok()?;
    let registry = system.getattr("__warningregistry__").ok()?.cast_into::<PyDict>().ok()?;
    let texts = registry.keys().iter().filter_map(|key| {
        key.get_item(0).ok()?.extract::<String>().ok() // "version" is no tuple, and has no such text
    });
    texts.filter_map(|text| module_named_in(&text)).last()
}

/// The module that a warning of CPython about the GIL is about.
fn module_named_in(warning: &str) -> Option<String> {
    let (_, rest) = warning.split_once("(GIL) has been enabled to load module '")?;
    rest.split_once('\'').map(|(module, _)| module.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_the_one_that_the_warning_names() {
        let warning = "The global interpreter lock (GIL) has been enabled to load module \
                       'a.b', which has not declared that it can run safely without the GIL. ";
        assert_eq!(module_named_in(warning).as_deref(), Some("a.b"));
        assert_eq!(module_named_in("something else"), None);
    }
}
