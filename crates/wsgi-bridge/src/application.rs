//! A WSGI application as the server sees it, and the state that its worker threads share.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use maitred_http_parser::exchange::{Application, Exchanges, StartError, Worker};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error_stream::ErrorStream;
use crate::field_names::KnownKeys;
use crate::held_bytes::Graveyard;
use crate::log::{Level, Log};
use crate::{attach, environ, fork, left_behind, visits, worker};

/// What the environ tells about the server, as the settings of the same names have it.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The server's listeners, in its own order: `Client::listener` is an index of this list.
    pub listeners: Vec<ListenerFacts>,
    /// `wsgi.url_scheme`, where no trusted proxy says otherwise.
    pub url_scheme: String,
    /// SCRIPT_NAME: empty, or with a leading slash and without one at the end.
    pub url_prefix: String,
    /// SERVER_SOFTWARE; where it is empty, there is none.
    pub ident: String,
    /// How many threads run the application: `wsgi.multithread` when more than one.
    pub threads: usize,
    /// How many processes do: `wsgi.multiprocess` when more than one.
    pub workers: usize,
    /// Whether clients are shown the traceback of an exception.
    pub expose_tracebacks: bool,
}

/// What the environ tells about one listener.
#[derive(Clone, Debug)]
pub struct ListenerFacts {
    /// SERVER_NAME.
    pub server_name: String,
    /// SERVER_PORT: the bound port, or the path of a Unix socket.
    pub server_port: String,
}

/// A WSGI application, ready to answer exchanges.
pub struct WsgiApplication {
    core: Arc<Core>,
}

impl WsgiApplication {
    /// Wraps a WSGI callable (see [`mod@crate::load`]). Nothing is called and no thread is started.
    ///
    /// # Errors
    /// Python has no memory, or no `os` or `sysconfig` module.
    pub fn new(
        py: Python<'_>,
        callable: Py<PyAny>,
        facts: &Facts,
        log: Arc<dyn Log>,
    ) -> PyResult<Self> {
        fork::watch(py)?;
        visits::watch(py)?;
        left_behind::watch(py)?;
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

/// Whether the interpreter was built to run without its lock.
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

/// What the worker threads share.
pub(crate) struct Core {
    pub(crate) callable: Py<PyAny>,
    templates: Vec<Py<PyDict>>,
    pub(crate) url_prefix: Box<str>,
    pub(crate) expose_tracebacks: bool,
    pub(crate) known_keys: KnownKeys,
    /// Names with an underscore that have been logged.
    dropped_names: Mutex<HashSet<Box<[u8]>>>,
    pub(crate) graveyard: Arc<Graveyard>,
    /// Whether reference counts mean something: not without the interpreter's lock.
    pub(crate) counts_references: bool,
    pub(crate) log: Arc<dyn Log>,
}

/// How many dropped names are logged. A client that invents names shall not fill the log.
const LOGGED_NAMES: usize = 64;

/// How much of a dropped name is logged, and remembered as having been.
const LOGGED_NAME_BYTES: usize = 64;

impl Core {
    /// The index of each listener.
    pub(crate) fn listeners(&self) -> std::ops::Range<usize> {
        0..self.templates.len()
    }

    /// The template of a listener.
    pub(crate) fn template(&self, listener: usize) -> &Py<PyDict> {
        &self.templates[listener]
    }

    /// A field was dropped because of the underscore in its name.
    pub(crate) fn field_dropped(&self, name: &[u8]) {
        self.log.field_dropped();
        let name = &name[..name.len().min(LOGGED_NAME_BYTES)];
        let is_new = {
            let mut names = self.dropped_names.lock().unwrap_or_else(PoisonError::into_inner);
            names.len() < LOGGED_NAMES && names.insert(name.into())
        };
        if is_new {
            let name = String::from_utf8_lossy(name); // a token: ASCII
            let text = format!(
                "dropped the request field `{name}`: its environ key would be that of the name \
                 with hyphens; let the client or the proxy send it with hyphens"
            );
            self.log.noted(Level::Warning, &text);
        }
    }
}
