//! The server as a Python object: `maitred.create_server(app)` and `maitred.serve(app)`.
//!
//! Creating one binds its sockets, so an invalid address is reported at once and the port is known.
//! It starts no thread and no runtime, so the process may still fork. `run()` or `with` starts the
//! server, and `close()` stops it from any thread.

use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};

use maitred_server::{BindError, ListenAddress, Running};
use maitred_wsgi_bridge::application::load::objection;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyDict;

use crate::engine::{BoundServer, StartedServer};
use crate::logging::LogOutput;
use crate::process::signals::{Scope, Signals};
use crate::process::{sources, wait};
use crate::python::{addresses, keywords};

/// Serves an application until a signal or `close()` stops it.
#[pyfunction]
#[pyo3(signature = (app, /, *, _quiet = false, **settings))]
pub(crate) fn serve(
    py: Python<'_>,
    app: Py<PyAny>,
    _quiet: bool,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    if !_quiet {
        configure_logging(py)?;
    }
    let server = create_server(py, app, _quiet, settings)?;
    server.run(py)
}

/// Creates a server for an application. Its sockets are bound; nothing is started.
#[pyfunction]
#[pyo3(signature = (app, /, *, _quiet = false, **settings))]
pub(crate) fn create_server(
    py: Python<'_>,
    app: Py<PyAny>,
    _quiet: bool,
    settings: Option<&Bound<'_, PyDict>>,
) -> PyResult<Server> {
    if app.is_none(py) {
        let message = "the application is None: does its factory return it?";
        return Err(PyValueError::new_err(message));
    }
    if !app.bind(py).is_callable() {
        let message = format!("the application cannot be called: {}", app.bind(py).repr()?);
        return Err(PyTypeError::new_err(message));
    }
    if let Some(objection) = objection(app.bind(py)) {
        let message = format!("the application {} {objection}", app.bind(py).repr()?);
        return Err(PyTypeError::new_err(message));
    }
    let sources = sources::gather(None, keywords::read(settings)?);
    let loaded = maitred_config::load(sources).map_err(|problems| keywords::refusal(&problems))?;
    let bound = BoundServer::bind(py, loaded).map_err(|error| os_error(py, &error))?;
    Ok(Server {
        addresses: bound.listeners().addresses().cloned().collect(),
        app,
        quiet: _quiet,
        stage: Mutex::new(ServerStage::Bound(Box::new(bound))),
        socket: Mutex::new(None),
    })
}

/// The `OSError` for an address that cannot be bound, with the `errno` that programs check.
fn os_error(py: Python<'_>, error: &BindError) -> PyErr {
    let name = match error.kind {
        ErrorKind::AddrInUse => "EADDRINUSE",
        ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        ErrorKind::AlreadyExists => "EEXIST",
        ErrorKind::NotFound => "ENOENT",
        ErrorKind::PermissionDenied => "EACCES",
        _ => return PyOSError::new_err(error.to_string()),
    };
    match py.import("errno").and_then(|errno| errno.getattr(name)?.extract::<i32>()) {
        Ok(number) => PyOSError::new_err((number, error.to_string())),
        Err(error) => error,
    }
}

/// Configures `logging` to write to stderr, as Waitress does, unless the program has already
/// configured it.
fn configure_logging(py: Python<'_>) -> PyResult<()> {
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

/// A server. It is bound when created, runs from `run()` or `with` on, and stops with `close()`.
#[pyclass(frozen, module = "maitred")]
pub(crate) struct Server {
    app: Py<PyAny>,
    addresses: Vec<ListenAddress>,
    quiet: bool,
    stage: Mutex<ServerStage>,
    /// The duplicate that `socket` returned. It must be closed to release the address.
    socket: Mutex<Option<Py<PyAny>>>,
}

enum ServerStage {
    /// Bound; nothing runs.
    Bound(Box<BoundServer>),
    /// Starting. Python code runs meanwhile, so the lock is not held.
    Starting {
        /// Whether `close()` was called meanwhile.
        closed: bool,
    },
    /// Running.
    Running(Box<StartedServer>),
    /// Stopped, or never started; the addresses are free again.
    Closed,
}

impl Server {
    /// Locks the stage. Never hold the lock while Python code runs: a signal handler on the same
    /// thread may call `close()`.
    fn stage(&self, py: Python<'_>) -> MutexGuard<'_, ServerStage> {
        self.stage.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the server, or returns the running one; `None` if it was closed.
    fn start(&self, py: Python<'_>) -> PyResult<Option<Running>> {
        let bound = {
            let mut stage = self.stage(py);
            match std::mem::replace(&mut *stage, ServerStage::Starting { closed: false }) {
                ServerStage::Bound(bound) => bound,
                other => {
                    *stage = other;
                    return match &*stage {
                        ServerStage::Running(started) => Ok(Some(started.running().clone())),
                        ServerStage::Starting { .. } => {
                            let message = "the server is being started by another thread";
                            Err(PyRuntimeError::new_err(message))
                        }
                        ServerStage::Bound(..) | ServerStage::Closed => Ok(None),
                    };
                }
            }
        };
        let started = self.start_bound(py, *bound);
        let mut stage = self.stage(py);
        match started {
            Ok(started) => {
                let running = started.running().clone();
                if matches!(*stage, ServerStage::Starting { closed: true }) {
                    running.drain();
                }
                *stage = ServerStage::Running(Box::new(started));
                Ok(Some(running))
            }
            Err(error) => {
                *stage = ServerStage::Closed;
                Err(error)
            }
        }
    }

    fn start_bound(&self, py: Python<'_>, bound: BoundServer) -> PyResult<StartedServer> {
        let started =
            bound.start::<PyErr>(py, LogOutput::Python, |py, _| Ok(self.app.clone_ref(py)))?;
        if self.quiet {
            return Ok(started);
        }
        match started.announce(py) {
            Ok(()) => Ok(started),
            Err(error) => started.end(py).and(Err(error)),
        }
    }

    /// Releases everything after the server has stopped.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let last = std::mem::replace(&mut *self.stage(py), ServerStage::Closed);
        self.close_socket(py)?;
        match last {
            ServerStage::Running(started) => started.end(py),
            ServerStage::Bound(..) | ServerStage::Starting { .. } | ServerStage::Closed => Ok(()),
        }
    }

    fn close_socket(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self.socket.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner).take();
        match taken {
            Some(socket) => socket.call_method0(py, "close").map(drop),
            None => Ok(()),
        }
    }

    fn first(&self) -> PyResult<&ListenAddress> {
        self.addresses.first().ok_or_else(|| PyRuntimeError::new_err("the server has no address"))
    }
}

#[pymethods]
impl Server {
    /// Serves until `close()` is called or, on the main thread, until a signal stops the server.
    /// Returns at once if the server was closed before.
    fn run(&self, py: Python<'_>) -> PyResult<()> {
        // Before the announcement, so that a program that has read it can stop the server.
        let signals = Signals::install(py, Scope::Embedded)?;
        let stopped = match self.start(py) {
            Ok(Some(running)) => {
                let stopped = wait::until_stopped(py, &running, signals.as_ref());
                self.finish(py).and(stopped)
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        signals.map_or(Ok(()), |signals| signals.restore(py)).and(stopped)
    }

    /// Drains the server: it stops accepting, running requests finish (up to `graceful_timeout`),
    /// and `run()` returns. Does not wait for that. May be called from any thread, repeatedly.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let bound = {
            let mut stage = self.stage(py);
            match &mut *stage {
                ServerStage::Bound(..) => Some(std::mem::replace(&mut *stage, ServerStage::Closed)),
                ServerStage::Starting { closed } => {
                    *closed = true;
                    None
                }
                ServerStage::Running(started) => {
                    started.running().drain();
                    None
                }
                ServerStage::Closed => None,
            }
        };
        drop(bound);
        self.close_socket(py)
    }

    /// The host of the first address: an IP address, or `unix`.
    #[getter]
    fn effective_host(&self) -> PyResult<String> {
        Ok(addresses::host_and_port(self.first()?).0)
    }

    /// The port of the first address as text, or the path of a Unix socket.
    #[getter]
    fn effective_port(&self) -> PyResult<String> {
        Ok(addresses::host_and_port(self.first()?).1)
    }

    /// Host and port of every address.
    #[getter]
    fn effective_listen(&self) -> Vec<(String, String)> {
        self.addresses.iter().map(addresses::host_and_port).collect()
    }

    /// The URL for clients on this machine: `http://127.0.0.1:8080`, or `unix:/path`.
    #[getter]
    fn url(&self) -> PyResult<String> {
        Ok(addresses::local_url(self.first()?))
    }

    /// Logs a line for every address: the text with `{}` for the host and `{}` for the port.
    fn print_listen(&self, py: Python<'_>, format_str: &Bound<'_, PyAny>) -> PyResult<()> {
        for address in &self.addresses {
            let (host, port) = addresses::host_and_port(address);
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let line: String = format_str.call_method1("format", (host, port))?.extract()?;
            // Synchronously, as in Waitress.
            py.import("logging")?
                .call_method1("getLogger", ("maitred",))?
                .call_method1("info", ("%s", line))?;
        }
        Ok(())
    }

    /// A duplicate of the first listening socket. Only available before the server runs.
    #[getter]
    fn socket(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let lock = || self.socket.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = &*lock() {
            return Ok(socket.clone_ref(py));
        }
        let duplicate = match &*self.stage(py) {
            ServerStage::Bound(bound) => {
                bound.listeners().sockets().next().map(|socket| socket.try_clone())
            }
            _ => None,
        };
        let Some(duplicate) = duplicate.transpose()? else {
            let message = "`socket` is only available before the server runs";
            return Err(PyRuntimeError::new_err(message));
        };
        let socket = addresses::python_socket(py, duplicate)?.unbind();
        *lock() = Some(socket.clone_ref(py));
        Ok(socket)
    }

    /// Starts the server in the background.
    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        if slf.get().start(slf.py())?.is_none() {
            return Err(PyRuntimeError::new_err("the server is closed"));
        }
        Ok(slf)
    }

    /// Stops the server, and waits until it has stopped.
    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
        self.close(py)?;
        let running = match &*self.stage(py) {
            ServerStage::Running(started) => started.running().clone(),
            _ => return Ok(()),
        };
        wait::until_stopped(py, &running, None)?;
        self.finish(py)
    }

    fn __repr__(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        format!("<maitred.Server on {}>", addresses.join(", "))
    }
}
