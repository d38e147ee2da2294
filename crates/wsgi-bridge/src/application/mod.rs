//! A WSGI application as the server sees it.

pub mod load;
mod signature;

use std::sync::{Arc, Mutex};

use maitred_http_parser::exchange::{Application, Exchanges, StartError, Worker};
use pyo3::prelude::*;

use crate::interpreter::{attach, exit, fork, reference_count};
use crate::log::Log;
use crate::request::ServerVariables;
use crate::request::header_keys::KnownKeys;
use crate::request::shared::ApplicationState;
use crate::worker::{self, ThreadStarter};

/// A WSGI application, ready to answer exchanges.
pub struct WsgiApplication {
    state: Arc<ApplicationState>,
    starter: Option<ThreadStarter>,
}

impl WsgiApplication {
    /// Wraps a WSGI callable (see [`mod@load`]). Nothing is called and no thread is started.
    ///
    /// # Errors
    /// Python has no `atexit` or `os` module.
    pub fn new(
        py: Python<'_>,
        callable: Py<PyAny>,
        variables: &ServerVariables,
        log: Arc<dyn Log>,
    ) -> PyResult<Self> {
        fork::watch(py)?;
        exit::watch(py)?;
        reference_count::defer(callable.bind(py));
        let mut variables = variables.clone();
        variables.url_prefix.truncate(variables.url_prefix.trim_end_matches('/').len());
        let state = ApplicationState {
            callable,
            expose_tracebacks: variables.expose_tracebacks,
            logged_environ: variables.logged_environ.clone().into(),
            variables,
            known_keys: KnownKeys::new(py),
            dropped_names: Mutex::default(),
            drop_queue: Arc::default(),
            log,
        };
        Ok(Self { state: Arc::new(state), starter: None })
    }

    /// Starts worker threads by calling `starter` with what the thread has to call. It must be a
    /// daemon.
    #[must_use]
    pub fn with_thread_starter(self, starter: Option<Py<PyAny>>) -> Self {
        Self { starter, ..self }
    }

    pub(crate) fn state(&self) -> Arc<ApplicationState> {
        Arc::clone(&self.state)
    }
}

impl Application for WsgiApplication {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let started = attach::try_attached(|py| {
            worker::start(py, name, self.starter.as_ref(), self.state(), exchanges)
                .map_err(|error| error.to_string())
        });
        let failed = |reason| StartError { name: name.to_owned(), reason };
        match started {
            Some(Ok(worker)) => Ok(Box::new(worker)),
            Some(Err(reason)) => Err(failed(reason)),
            None => Err(failed("the interpreter is not running".to_owned())),
        }
    }
}
