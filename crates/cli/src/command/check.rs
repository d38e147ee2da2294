//! `maitred check APP`: does all that serving does but listen, and reports what would keep it from
//! starting.

use maitred_config::{Checks, Loaded, Settings};
use maitred_server::{Finding, preflight};
use pyo3::prelude::*;

use crate::engine::{import, interpreter};
use crate::process::exit_status::ExitStatus;
use crate::process::output::{print, print_error};

/// Checks what valid settings need, imports the application, and reports the result.
///
/// # Errors
/// An exception that is not an error of the user.
pub(crate) fn check(py: Python<'_>, loaded: &Loaded, checks: Checks) -> PyResult<ExitStatus> {
    let settings = &loaded.settings;
    let mut is_servable = true;
    let passed = Some(loaded.passed_descriptors.clone()).filter(|passed| !passed.is_empty());
    for finding in preflight(settings, passed) {
        match finding {
            Finding::Note(note) => print_error(&format!("note: {note}\n")),
            Finding::Error(error) => {
                print_error(&format!("error: {error}\n"));
                is_servable = false;
            }
        }
    }
    let application = match import::load(py, loaded) {
        Ok(application) => application,
        Err(error) => {
            print_error(&error.failure.text());
            return Ok(ExitStatus::Failed);
        }
    };
    if let Some(problem) = interpreter::without_threads(py)? {
        print_error(&format!("error: {problem}\n"));
        is_servable = false;
    }
    if checks == Checks::Deploy {
        for advice in advice(py, &application, settings)? {
            print_error(&format!("advice: {advice}\n"));
        }
    }
    if !is_servable {
        return Ok(ExitStatus::Failed);
    }
    let name = settings.application.app.as_deref().unwrap_or_default();
    let restart = loaded.restart_note().map(|note| format!("{note}\n")).unwrap_or_default();
    Ok(print(&format!("the settings are valid and `{name}` can be served\n{restart}")))
}

/// What is unfit for production in settings and application.
fn advice(py: Python<'_>, application: &Py<PyAny>, settings: &Settings) -> PyResult<Vec<String>> {
    let mut advice = Vec::new();
    if settings.observability.expose_tracebacks {
        advice.push("`expose-tracebacks` shows the application's code to every client".to_owned());
    }
    let (threads, workers) = (settings.limits.threads, settings.processes.workers);
    let module = py.import("maitred._deploy")?;
    advice.extend(
        module.call_method1("advice", (application, threads, workers))?.extract::<Vec<String>>()?,
    );
    Ok(advice)
}
