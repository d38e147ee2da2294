//! `maitred.serve(app)` and `maitred.create_server(application)`: checks what they are given.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::engine::BoundServer;
use crate::process::sources::SourceTexts;
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
    let loaded = maitred_config::load(sources).map_err(|problems| keywords::refusal(&problems))?;
    let mut bound = BoundServer::bind(py, loaded).map_err(|error| os_error(py, &error))?;
    // As in Waitress: clients may connect now, and wait until the server runs.
    bound.listen().map_err(|error| os_error(py, &error))?;
    loggers::warn_of_waitress(py)?;
    let announcement = if _quiet { Announcement::Silent } else { Announcement::Logged };
    Ok(Server::new(application, bound, announcement, _start_thread))
}
