//! Which Python this is.

use pyo3::prelude::*;

/// Whether the interpreter has a lock that makes its threads take turns.
///
/// # Errors
/// `sys` is not what it should be.
pub(crate) fn has_lock(py: Python<'_>) -> PyResult<bool> {
    match py.import("sys")?.getattr_opt("_is_gil_enabled")? {
        Some(ask) => ask.call0()?.is_truthy(),
        None => Ok(true), // older than 3.13
    }
}

/// `CPython 3.13.0`, with a word about the lock where there is none.
///
/// # Errors
/// `platform` is not what it should be.
pub(crate) fn describe(py: Python<'_>) -> PyResult<String> {
    let platform = py.import("platform")?;
    let name: String = platform.call_method0("python_implementation")?.extract()?;
    let version: String = platform.call_method0("python_version")?.extract()?;
    let threading = if has_lock(py)? { "" } else { ", free-threaded" };
    Ok(format!("{name} {version}{threading}"))
}

/// Who has replaced `threading` by something that only looks like threads, if anybody has. What runs
/// there runs only when whoever holds the one real thread gives it up, which a server does not.
///
/// # Errors
/// The module that would know cannot be asked.
pub(crate) fn imitator_of_threads(py: Python<'_>) -> PyResult<Option<&'static str>> {
    let modules = py.import("sys")?.getattr("modules")?;
    for (library, module, function, part) in [
        ("gevent", "gevent.monkey", "is_module_patched", "threading"),
        ("eventlet", "eventlet.patcher", "is_monkey_patched", "thread"),
    ] {
        let module = modules.call_method1("get", (module,))?;
        if !module.is_none() && module.call_method1(function, (part,))?.is_truthy()? {
            return Ok(Some(library));
        }
    }
    Ok(None)
}
