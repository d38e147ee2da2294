//! `maitred.serve(app)` and `maitred.create_server(application)`: checks what they are given.

use maitred_config::{Loaded, Origin};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::engine::{BoundServer, hooks};
use crate::logging::config_file::{self, Unconfigured};
use crate::process::exit_status::ExitStatus;
use crate::process::serve::{Afterwards, serve as serve_process};
use crate::process::sources::{CommandLine, SourceTexts};
use crate::python::application::check_application;
use crate::python::bind_error::os_error;
use crate::python::server::{Announcement, Server};
use crate::python::{keywords, loggers};

/// Serves an application until a signal or `close()` stops it.
///
/// On the main thread, SIGTERM and SIGINT drain the server, unless the program has its own handlers.
/// Raises `ValueError` for invalid settings, and `OSError` for an address that cannot be bound.
///
/// Keywords, with their defaults:
///
#[doc = include_str!("keywords.md")]
#[pyfunction]
#[pyo3(signature = (app, *, _quiet = false, **settings))]
pub(crate) fn serve(
    py: Python<'_>,
    app: Py<PyAny>,
    _quiet: bool,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    if let Ok(name) = app.extract::<String>(py) {
        return serve_by_name(py, name, settings);
    }
    if !_quiet {
        loggers::configure(py)?;
    }
    let server = create_server(py, app, _quiet, None, settings)?;
    server.run(py)
}

/// Creates a server for an application. Its sockets are bound; nothing is started.
///
/// Raises `ValueError` for invalid settings, and `OSError` for an address that cannot be bound. The
/// keywords are those of `maitred.serve()`.
///
/// `_start_thread` starts the threads that call the application: it is called with the function that
/// a daemon thread has to call.
#[pyfunction]
#[pyo3(signature = (application, *, _quiet = false, _start_thread = None, **settings))]
pub(crate) fn create_server(
    py: Python<'_>,
    application: Py<PyAny>,
    _quiet: bool,
    _start_thread: Option<Py<PyAny>>,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Server> {
    check_application(application.bind(py))?;
    let sources = SourceTexts::read(None, keywords::read(settings)?).sources();
    let mut loaded =
        maitred_config::load(sources).map_err(|problems| keywords::refusal(&problems))?;
    let left_out = in_one_process(&mut loaded)?;
    config_file::apply(py, &loaded.settings).map_err(|error| match error {
        Unconfigured::Problems(problems) => keywords::refusal(&problems),
        Unconfigured::Raised(error) => error,
    })?;
    hooks::import(py, &loaded)?;
    let mut bound = BoundServer::bind(py, loaded).map_err(|error| os_error(py, &error))?;
    // As in Waitress: clients may connect now, and wait until the server runs.
    bound.listen().map_err(|error| os_error(py, &error))?;
    for (name, origin) in left_out {
        tracing::warn!(
            target: "maitred",
            "`{name}` is not used here ({origin}): an application object is served by this process"
        );
    }
    loggers::warn_of_waitress(py)?;
    let announcement = if _quiet { Announcement::Silent } else { Announcement::Logged };
    Ok(Server::new(application, bound, announcement, _start_thread))
}

/// Serves `module:app` as the command line does, with worker processes if the settings ask for them.
fn serve_by_name(
    py: Python<'_>,
    name: String,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    let line =
        CommandLine { arguments: vec![name], application_from: Some("argument of serve()".into()) };
    let texts = SourceTexts::read(Some(line), keywords::read(settings)?);
    let loaded = maitred_config::load(texts.sources());
    let loaded = loaded.map_err(|problems| keywords::refusal(&problems))?;
    match serve_process(py, &loaded, texts, Afterwards::Continue)? {
        ExitStatus::Done => Ok(()),
        ExitStatus::Failed | ExitStatus::Usage => {
            Err(PyRuntimeError::new_err("the server could not serve, as the log says"))
        }
    }
}

/// Refuses worker processes for an application object, which no other process could import. What the
/// environment or a file says of them is for the command line: that is left out, and returned.
///
/// # Errors
/// `ValueError` if a keyword asks for them.
fn in_one_process(loaded: &mut Loaded) -> PyResult<Vec<(&'static str, Origin)>> {
    if !loaded.settings.processes.are_supervised() {
        return Ok(Vec::new());
    }
    let left_out = loaded.in_one_process();
    let keyword = left_out.iter().find_map(|(_, origin)| match origin {
        Origin::Keyword(keyword) => Some(keyword),
        _ => None,
    });
    match keyword {
        Some(keyword) => Err(PyValueError::new_err(format!(
            "`{keyword}` needs worker processes, which cannot import an application object: \
             give an import string, `maitred.serve(\"module:app\", {keyword}=…)`"
        ))),
        None => Ok(left_out),
    }
}
