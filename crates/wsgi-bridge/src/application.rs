//! A WSGI application as the server sees it.

use std::sync::{Arc, Mutex};

use maitred_http_parser::exchange::{Application, Exchanges, StartError, Worker};
use pyo3::prelude::*;

use crate::core::Core;
use crate::error_stream::ErrorStream;
use crate::facts::Facts;
use crate::field_names::KnownKeys;
use crate::log::Log;
use crate::{at_exit, attach, environ, fork, worker};

/// A WSGI application, ready to answer exchanges.
pub struct WsgiApplication {
    core: Arc<Core>,
}

impl WsgiApplication {
    /// Wraps a WSGI callable (see [`mod@crate::load`]). Nothing is called and no thread is started.
    ///
    /// # Errors
    /// Python is out of memory, or has no `os` or `sysconfig` module.
    pub fn new(
        py: Python<'_>,
        callable: Py<PyAny>,
        facts: &Facts,
        log: Arc<dyn Log>,
    ) -> PyResult<Self> {
        fork::watch(py)?;
        at_exit::watch(py)?;
        let errors = Bound::new(py, ErrorStream::new(Arc::clone(&log)))?;
        let mut facts = facts.clone();
        facts.url_prefix.truncate(facts.url_prefix.trim_end_matches('/').len());
        let templates = facts
            .listeners
            .iter()
            .map(|listener| environ::template(py, &facts, listener, &errors))
            .collect::<PyResult<_>>()?;
        let core = Core {
            callable,
            templates,
            url_prefix: facts.url_prefix.into(),
            expose_tracebacks: facts.expose_tracebacks,
            known_keys: KnownKeys::new(py),
            dropped_names: Mutex::default(),
            graveyard: Arc::default(),
            counts_references: !is_free_threaded(py)?,
            log,
        };
        Ok(Self { core: Arc::new(core) })
    }

    pub(crate) fn core(&self) -> Arc<Core> {
        Arc::clone(&self.core)
    }
}

/// Whether the interpreter is a free-threaded build.
fn is_free_threaded(py: Python<'_>) -> PyResult<bool> {
    let built = py.import("sysconfig")?.call_method1("get_config_var", ("Py_GIL_DISABLED",))?;
    built.is_truthy()
}

impl Application for WsgiApplication {
    fn start_worker(
        &self,
        name: &str,
        exchanges: Arc<dyn Exchanges>,
    ) -> Result<Box<dyn Worker>, StartError> {
        let started = attach::try_attached(|py| {
            worker::start(py, name, self.core(), exchanges).map_err(|error| error.to_string())
        });
        let failed = |reason| StartError { name: name.to_owned(), reason };
        match started {
            Some(Ok(worker)) => Ok(Box::new(worker)),
            Some(Err(reason)) => Err(failed(reason)),
            None => Err(failed("the interpreter is not running".to_owned())),
        }
    }
}
