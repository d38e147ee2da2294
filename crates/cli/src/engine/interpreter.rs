//! Describes the Python interpreter.

use maitred_server::Interpreter;
use pyo3::prelude::*;

use super::gil;

/// The interpreter, for metrics and the status page.
///
/// # Errors
/// `platform` cannot be queried.
pub(crate) fn facts(py: Python<'_>) -> PyResult<Interpreter> {
    let platform = py.import("platform")?;
    let gil = if gil::is_enabled(py)? { "enabled" } else { "disabled" };
    Ok(Interpreter {
        version: platform.call_method0("python_version")?.extract()?,
        implementation: platform.call_method0("python_implementation")?.extract()?,
        gil: gil.to_owned(),
    })
}

/// `CPython 3.13.0`, or `CPython 3.13.0, free-threaded` without a GIL.
pub(crate) fn describe(interpreter: &Interpreter) -> String {
    let Interpreter { version, implementation, gil } = interpreter;
    let threading = if gil == "disabled" { ", free-threaded" } else { "" };
    format!("{implementation} {version}{threading}")
}

/// Why the interpreter has no threads that can serve, if it has none.
///
/// # Errors
/// A library cannot be queried.
pub(crate) fn without_threads(py: Python<'_>) -> PyResult<Option<String>> {
    Ok(imitator_of_threads(py)?.map(|library| {
        format!(
            "{library} has replaced Python's threads, and Maitred needs real ones: do not let it \
             patch `threading`, or serve the application with {library}'s own server"
        )
    }))
}

/// The library that has replaced `threading` with green threads, if any. Green threads run only when
/// the current one yields to their event loop, which a worker never does.
///
/// # Errors
/// The library cannot be queried.
fn imitator_of_threads(py: Python<'_>) -> PyResult<Option<&'static str>> {
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
