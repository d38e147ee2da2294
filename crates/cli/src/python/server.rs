//! The server as a Python object, which `maitred.create_server(app)` returns.
//!
//! Creating one binds its sockets, so an invalid address is reported at once and the port is known.
//! It starts no thread and no runtime, so the process may still fork. `run()` or `with` starts the
//! server, and `close()` stops it from any thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maitred_server::{ListenAddress, Running};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyTuple;

use crate::engine::hooks::{StopHooks, WorkerIdentity};
use crate::engine::{BoundServer, StartedServer, hooks};
use crate::logging::LogOutput;
use crate::process::signals::{Replaced, Scope, Signals};
use crate::process::wait::{self, ServerEnd};
use crate::python::addresses;

/// A server. It is bound when created, runs from `run()` or `with` on, and stops with `close()`.
#[pyclass(frozen, module = "maitred")]
pub(crate) struct Server {
    app: Py<PyAny>,
    addresses: Vec<ListenAddress>,
    announcement: Announcement,
    /// The number of threads to start.
    threads: AtomicUsize,
    thread_starter: Option<Py<PyAny>>,
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

/// Whether the log says that the server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announcement {
    Logged,
    Silent,
}

impl Server {
    /// A server for an application, with its addresses bound.
    pub(crate) fn new(
        app: Py<PyAny>,
        bound: BoundServer,
        announcement: Announcement,
        thread_starter: Option<Py<PyAny>>,
    ) -> Self {
        Self {
            app,
            addresses: bound.listeners().addresses().cloned().collect(),
            announcement,
            threads: bound.threads().into(),
            thread_starter,
            stage: Mutex::new(ServerStage::Bound(Box::new(bound))),
            socket: Mutex::new(None),
        }
    }

    /// Locks the stage. Never hold the lock while Python code runs: a signal handler on the same
    /// thread may call `close()`.
    fn stage(&self, py: Python<'_>) -> MutexGuard<'_, ServerStage> {
        self.stage.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the server, or returns the running one; `None` if it was closed.
    fn launch(&self, py: Python<'_>) -> PyResult<Option<Running>> {
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
        let starter = self.thread_starter.as_ref().map(|starter| starter.clone_ref(py));
        let started = bound
            .with_threads(self.threads.load(Ordering::Relaxed), starter)
            .start::<PyErr>(py, LogOutput::Python, |py, _| {
                hooks::worker_starts(py, WorkerIdentity::default())?;
                Ok(self.app.clone_ref(py))
            })?;
        if self.announcement == Announcement::Silent {
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
            ServerStage::Running(started) => started.end(py).map(|_logged: StopHooks| ()),
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

    /// A handle of the server, if it runs.
    fn running(&self, py: Python<'_>) -> Option<Running> {
        match &*self.stage(py) {
            ServerStage::Running(started) => Some(started.running().clone()),
            _ => None,
        }
    }

    /// Calls a method on a thread of the running asyncio loop's executor; returns an awaitable.
    fn in_executor<'py>(slf: &Bound<'py, Self>, method: &str) -> PyResult<Bound<'py, PyAny>> {
        let loop_ = slf.py().import("asyncio")?.call_method0("get_running_loop")?;
        loop_.call_method1("run_in_executor", (slf.py().None(), slf.getattr(method)?))
    }

    fn first(&self) -> PyResult<&ListenAddress> {
        self.addresses.first().ok_or_else(|| PyRuntimeError::new_err("the server has no address"))
    }
}

#[pymethods]
impl Server {
    /// Serves until `close()` is called or, on the main thread, until a signal stops the server.
    /// Returns at once if the server was closed before.
    pub(crate) fn run(&self, py: Python<'_>) -> PyResult<()> {
        // Before the announcement, so that a program that has read it can stop the server.
        let signals = Signals::install(py, Scope::Embedded, Replaced::Defaults)?;
        let stopped = match self.launch(py) {
            Ok(Some(running)) => {
                let stopped = wait::until_stopped(py, &running, signals.as_ref());
                self.finish(py).and(stopped).and_then(ServerEnd::check)
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        signals.map_or(Ok(()), |signals| signals.restore(py)).and(stopped)
    }

    /// Starts the server in the background, unless it runs already.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        match self.launch(py)? {
            Some(_) => Ok(()),
            None => Err(PyRuntimeError::new_err("the server is closed")),
        }
    }

    /// Stops the server, and waits until it has stopped.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.close(py)?;
        self.join(py, None).map(drop)
    }

    /// Waits until the server has stopped, at most `timeout` seconds. Returns whether it does not
    /// run. On the main thread, signal handlers run meanwhile.
    #[pyo3(signature = (timeout = None))]
    fn join(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let timeout =
            timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
        let running = match &*self.stage(py) {
            ServerStage::Running(started) => started.running().clone(),
            ServerStage::Starting { .. } => return Ok(false),
            ServerStage::Bound(..) | ServerStage::Closed => return Ok(true),
        };
        let Some(end) = wait::at_most(py, &running, timeout.unwrap_or(Duration::MAX))? else {
            return Ok(false);
        };
        self.finish(py)?;
        end.check().map(|()| true)
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

    /// The number of threads that call the application. May be set before the server runs.
    #[getter]
    fn threads(&self) -> usize {
        self.threads.load(Ordering::Relaxed)
    }

    #[setter]
    fn set_threads(&self, py: Python<'_>, threads: usize) -> PyResult<()> {
        if !matches!(*self.stage(py), ServerStage::Bound(..)) {
            let message = "`threads` can only be set before the server runs";
            return Err(PyRuntimeError::new_err(message));
        }
        if threads == 0 {
            return Err(PyValueError::new_err("`threads` must be a whole number of at least 1"));
        }
        self.threads.store(threads, Ordering::Relaxed);
        Ok(())
    }

    /// The number of threads that serve a request; 0 unless the server runs.
    #[getter]
    fn busy(&self, py: Python<'_>) -> usize {
        self.running(py).map_or(0, |running| running.busy())
    }

    /// The number of requests that wait for a thread; 0 unless the server runs.
    #[getter]
    fn waiting(&self, py: Python<'_>) -> usize {
        self.running(py).map_or(0, |running| running.waiting())
    }

    /// The number of open client connections; 0 unless the server runs.
    #[getter]
    fn connections(&self, py: Python<'_>) -> usize {
        self.running(py).map_or(0, |running| running.connections())
    }

    /// Starts the server in the background.
    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        slf.get().start(slf.py())?;
        Ok(slf)
    }

    /// Stops the server, and waits until it has stopped.
    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.stop(py)
    }

    /// Starts the server in the background of an asyncio loop.
    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::in_executor(slf, "__enter__")
    }

    /// Stops the server, and lets the loop run until it has stopped.
    #[pyo3(signature = (*_error))]
    fn __aexit__<'py>(
        slf: &Bound<'py, Self>,
        _error: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::in_executor(slf, "stop")
    }

    fn __repr__(&self) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        format!("<maitred.Server on {}>", addresses.join(", "))
    }
}
