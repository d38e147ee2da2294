//! Hooks: functions that the program registers with `maitred.hook`, for the beginning and the end of a
//! process that serves.
//!
//! They run on the thread that starts and stops the server, which is the main thread of a worker
//! process. `worker-start` hooks come after the import of the application, and after the fork if it is
//! preloaded, and before anything is accepted: the first exception keeps the process from serving.
//! `worker-stop` hooks come when the last request has been answered, before exit handlers; each
//! exception is logged, and the others run nevertheless.

use maitred_config::Loaded;
use maitred_wsgi_bridge::application::load;
use maitred_wsgi_bridge::interpreter::traceback::{class_name, format_exception};
use pyo3::prelude::*;

use crate::engine::import::ImportError;
use crate::logging::Failure;

/// Which of the worker processes this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WorkerIdentity {
    /// Its number.
    pub(crate) number: usize,
    /// How many processes were started before it.
    pub(crate) generation: u64,
}

/// How the hooks at the end have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum StopHooks {
    /// There were none, or none has failed.
    Done,
    /// An exception was logged.
    Failed,
}

/// Imports the module that the setting `hooks` names.
///
/// # Errors
/// It cannot be imported.
pub(crate) fn import(py: Python<'_>, loaded: &Loaded) -> Result<(), ImportError> {
    let Some(name) = &loaded.settings.processes.hooks else { return Ok(()) };
    let origin = loaded.origin("hooks").map(ToString::to_string);
    load::import_module(py, name).map_err(|error| {
        let mut error = ImportError::from(error);
        error.failure.origin.clone_from(&origin);
        error
    })?;
    let are_registered = module(py).and_then(|it| it.call_method0("are_registered")?.extract());
    if matches!(are_registered, Ok(false)) {
        let origin = origin.unwrap_or_default();
        tracing::warn!("`{name}` registers no function with `maitred.hook` ({origin})");
    }
    Ok(())
}

/// Calls the `worker-start` hooks.
///
/// # Errors
/// The first exception.
pub(crate) fn worker_starts(py: Python<'_>, identity: WorkerIdentity) -> Result<(), ImportError> {
    let WorkerIdentity { number, generation } = identity;
    let called = module(py).and_then(|hooks| {
        let worker = hooks.call_method1("begin", (number, generation))?;
        Ok((worker, functions(&hooks, "worker-start")?))
    });
    let (worker, functions) = called.map_err(|error| error.to_string())?;
    for (name, function) in functions {
        function.call1((&worker,)).map_err(|error| {
            let class = class_name(py, &error);
            let message = format!("the `worker-start` hook `{name}` raised {class}");
            let exception = Some((class, format_exception(py, &error)));
            let failure = Failure { message, exception, ..Failure::default() };
            ImportError { failure: failure.into(), raised: Some(error) }
        })?;
    }
    Ok(())
}

/// Calls the `worker-stop` hooks.
pub(super) fn worker_stops(py: Python<'_>) -> StopHooks {
    let functions = module(py).and_then(|hooks| {
        let worker = hooks.call_method0("worker")?;
        Ok((worker, functions(&hooks, "worker-stop")?))
    });
    let (worker, functions) = match functions {
        Ok(found) => found,
        Err(error) => {
            tracing::error!("the `worker-stop` hooks cannot be called: {error}");
            return StopHooks::Failed;
        }
    };
    let mut result = StopHooks::Done;
    for (name, function) in functions {
        if let Err(error) = function.call1((&worker,)) {
            result = StopHooks::Failed;
            tracing::error!(
                exception = class_name(py, &error),
                traceback = format_exception(py, &error),
                "the `worker-stop` hook `{name}` raised an exception"
            );
        }
    }
    result
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    Ok(py.import("maitred._hooks")?.into_any())
}

/// The functions for an event, each with its name.
fn functions<'py>(
    hooks: &Bound<'py, PyAny>,
    event: &str,
) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    hooks.call_method1("functions", (event,))?.extract()
}
