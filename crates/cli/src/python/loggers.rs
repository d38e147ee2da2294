//! The loggers of a program that embeds the server: what `serve()` configures, and a warning.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

/// Configures `logging` to write to stderr, as Waitress does, unless the program has already
/// configured it.
pub(crate) fn configure(py: Python<'_>) -> PyResult<()> {
    let logging = py.import("logging")?;
    let ours = logging.call_method1("getLogger", ("maitred",))?;
    if ours.call_method0("hasHandlers")?.is_truthy()? {
        return Ok(());
    }
    logging.call_method0("basicConfig")?;
    if ours.getattr("level")?.eq(logging.getattr("NOTSET")?)? {
        ours.call_method1("setLevel", (logging.getattr("INFO")?,))?;
    }
    Ok(())
}

/// Warns once if the program has configured the logger `waitress`, which has no effect here: unless
/// it is the parent of ours, as `install_as_waitress()` makes it.
pub(crate) fn warn_of_waitress(py: Python<'_>) -> PyResult<()> {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let logging = py.import("logging")?;
    let loggers = logging.getattr("root")?.getattr("manager")?.getattr("loggerDict")?;
    let waitress = loggers.call_method1("get", ("waitress",))?;
    let is_parent = loggers.call_method1("get", ("maitred",))?;
    let is_parent = is_parent.getattr_opt("parent")?.is_some_and(|parent| parent.is(&waitress));
    // A placeholder for `waitress.queue` has neither attribute.
    let is_configured = |name: &str| match waitress.getattr_opt(name)? {
        Some(value) => value.is_truthy(),
        None => Ok(false),
    };
    if !is_parent
        && (is_configured("level")? || is_configured("handlers")?)
        && !WARNED.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(
            "the logger `waitress` is configured, but has no effect: configure the logger `maitred`"
        );
    }
    Ok(())
}
