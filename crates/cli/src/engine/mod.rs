//! The server of one process, however it was started: from the command line or from Python.
//!
//! It has two states. A [`BoundServer`] has its sockets and no thread, so that an address in use is
//! reported at once and the process may still fork. A [`StartedServer`] answers requests. The steps
//! between the two have one order, which operators rely on:
//!
//! 1. the thread that writes the log, so that a step that hangs or fails can be read about;
//! 2. the admin listener, so that a probe can distinguish a slow import from a dead process;
//! 3. the application, which is imported or was passed in;
//! 4. the threads that serve it.

pub(crate) mod announcement;
mod application;
pub(crate) mod gil;
pub(crate) mod hooks;
pub(crate) mod import;
pub(crate) mod interpreter;
mod loopback_only;
pub(crate) mod os_text;

use std::sync::Arc;

use maitred_config::Loaded;
#[cfg(unix)]
use maitred_server::Membership;
#[cfg(unix)]
use maitred_server::supervisor::view::About;
use maitred_server::{
    Admin, AdminThread, BindError, ListenAddress, Listeners, Report, Running, Telemetry,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::engine::application::Start;
use crate::engine::hooks::StopHooks;
use crate::logging::{self, Log, LogOutput};

/// A server whose addresses are bound. Nothing is started.
pub(crate) struct BoundServer {
    loaded: Loaded,
    listeners: Listeners,
    admin: Option<Admin>,
    thread_starter: Option<Py<PyAny>>,
}

/// What the supervisor of a server with worker processes needs of it.
#[cfg(unix)]
pub(crate) struct SupervisedParts {
    pub(crate) loaded: Loaded,
    pub(crate) listeners: Listeners,
    pub(crate) admin: Option<AdminThread>,
}

/// A server that answers requests.
pub(crate) struct StartedServer {
    running: Running,
    loaded: Loaded,
    addresses: Vec<ListenAddress>,
    admin: Option<AdminThread>,
    log: Log,
}

/// Why a server did not start.
pub(crate) enum StartError {
    /// The text is for the user: lower case, no full stop.
    Failed(String),
    /// An exception that is not an error of the user.
    Raised(PyErr),
}

impl BoundServer {
    /// Binds the addresses, and logs the warnings about the settings. The records wait until the
    /// log is started.
    ///
    /// # Errors
    /// An address cannot be bound.
    pub(crate) fn bind(py: Python<'_>, loaded: Loaded) -> Result<Self, BindError> {
        logging::receive(loaded.settings.observability.log_level.into());
        logging::learn_thread_name(py);
        logging::log_warnings(&loaded);
        if let Some(found) = loaded.found() {
            tracing::info!("{found}");
        }
        if let Some(note) = loaded.left_out_note() {
            tracing::info!("{note}");
        }
        let listeners = Listeners::bind(&loaded.settings)?;
        let admin = Admin::bind(&loaded.settings)?;
        Ok(Self { loaded, listeners, admin, thread_starter: None })
    }

    /// The number of threads that the settings ask for.
    pub(crate) const fn threads(&self) -> usize {
        self.loaded.settings.limits.threads
    }

    /// Keeps the sockets from processes that are forked from now on.
    ///
    /// # Errors
    /// Too many sockets.
    pub(crate) fn keep_from_children(&mut self) -> Result<(), BindError> {
        self.listeners.keep_from_children()
    }

    /// Opens the addresses to clients, which wait until the server is started.
    ///
    /// # Errors
    /// Another process has taken an address since it was bound.
    pub(crate) fn listen(&mut self) -> Result<(), BindError> {
        self.listeners.listen(&self.loaded.settings)
    }

    /// The listening sockets.
    pub(crate) const fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Sets how many threads serve, and the Python callable that starts them, if given.
    pub(crate) fn with_threads(mut self, count: usize, starter: Option<Py<PyAny>>) -> Self {
        self.loaded.settings.limits.threads = count;
        self.thread_starter = starter;
        self
    }

    /// The settings.
    #[cfg(unix)]
    pub(crate) const fn settings(&self) -> &maitred_config::Settings {
        &self.loaded.settings
    }

    /// What the admin listener of a supervisor shows of the server as a whole.
    ///
    /// # Errors
    /// The interpreter cannot be described.
    #[cfg(unix)]
    pub(crate) fn about(&self, py: Python<'_>) -> PyResult<About> {
        Ok(About {
            interpreter: interpreter::facts(py)?,
            listeners: self.listeners.addresses().map(ListenAddress::name).collect(),
            metrics_by_worker: self.loaded.settings.processes.metrics_by_worker,
        })
    }

    /// The settings as the status page shows them.
    #[cfg(unix)]
    pub(crate) fn settings_shown(&self) -> serde_json::Value {
        self.loaded.to_json(true)
    }

    /// Starts the admin listener, which shows `report`; worker processes do the rest.
    ///
    /// # Errors
    /// The admin listener cannot be started.
    #[cfg(unix)]
    pub(crate) fn supervise(self, report: Arc<dyn Report>) -> Result<SupervisedParts, StartError> {
        let Self { loaded, listeners, admin, .. } = self;
        let admin = admin.map(|admin| start_admin(admin, report)).transpose()?;
        Ok(SupervisedParts { loaded, listeners, admin })
    }

    /// Starts the server with the application that `application` returns.
    ///
    /// # Errors
    /// A step fails. Those before it have been undone, and the log is written.
    pub(crate) fn start<E: From<StartError>>(
        self,
        py: Python<'_>,
        output: LogOutput,
        application: impl FnOnce(Python<'_>, &Loaded) -> Result<Py<PyAny>, E>,
    ) -> Result<StartedServer, E> {
        let format = (&self.loaded.settings.observability).into();
        let mut log = Log::start(py, output, format).map_err(StartError::Raised)?;
        let Self { loaded, listeners, admin, thread_starter } = self;
        let process = std::process::id();
        let addresses = listeners.addresses().cloned().collect();
        let started = (|| {
            let telemetry = Arc::new(telemetry(py, &loaded).map_err(StartError::Raised)?);
            let mut admin = admin.map(|admin| start_admin(admin, telemetry.clone())).transpose()?;
            let callable = application(py, &loaded)?;
            if std::process::id() != process {
                log.follow_fork(py).map_err(StartError::Raised)?;
                admin = admin_after_fork(admin, &loaded, &telemetry)?;
            }
            let settings = &loaded.settings;
            let start = Start {
                settings,
                listeners,
                telemetry,
                thread_starter,
                output,
                #[cfg(unix)]
                membership: None,
            };
            let running = application::start(py, callable, start).map_err(StartError::Failed)?;
            Ok((running, admin))
        })();
        match started {
            Ok((running, admin)) => Ok(StartedServer { running, loaded, addresses, admin, log }),
            Err(error) => {
                log.stop(py).map_err(StartError::Raised)?;
                Err(error)
            }
        }
    }
}

/// Starts a worker of a supervisor: first the log, then the application, and when it is imported
/// the listeners that the supervisor hands over.
///
/// # Errors
/// A step fails. Those before it have been undone, and the log is written.
#[cfg(unix)]
pub(crate) fn start_worker<E: From<StartError>>(
    py: Python<'_>,
    loaded: Loaded,
    membership: Membership,
    application: impl FnOnce(Python<'_>, &Loaded) -> Result<Py<PyAny>, E>,
    listeners: impl FnOnce(Python<'_>) -> Result<Listeners, E>,
) -> Result<StartedServer, E> {
    logging::receive(loaded.settings.observability.log_level.into());
    logging::learn_thread_name(py);
    let format = (&loaded.settings.observability).into();
    let log = Log::start(py, LogOutput::Stderr, format).map_err(StartError::Raised)?;
    let started = (|| {
        let telemetry = telemetry(py, &loaded).map_err(StartError::Raised)?;
        let telemetry = telemetry.at(&membership.place);
        let no_counters = || StartError::Failed("the board has no counters".into());
        let telemetry = Arc::new(telemetry.ok_or_else(no_counters)?);
        let callable = application(py, &loaded)?;
        let listeners = listeners(py)?;
        let addresses = listeners.addresses().cloned().collect();
        let settings = &loaded.settings;
        let start = Start {
            settings,
            listeners,
            telemetry,
            thread_starter: None,
            output: LogOutput::Stderr,
            membership: Some(membership),
        };
        let running = application::start(py, callable, start).map_err(StartError::Failed)?;
        Ok((running, addresses))
    })();
    match started {
        Ok((running, addresses)) => {
            Ok(StartedServer { running, loaded, addresses, admin: None, log })
        }
        Err(error) => {
            log.stop(py).map_err(StartError::Raised)?;
            Err(error)
        }
    }
}

impl StartedServer {
    /// The handle that stops the server and waits for it.
    pub(crate) const fn running(&self) -> &Running {
        &self.running
    }

    /// The addresses that it listens on.
    pub(crate) fn addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    /// Logs that the server is serving.
    ///
    /// # Errors
    /// The interpreter cannot be described.
    pub(crate) fn announce(&self, py: Python<'_>) -> PyResult<()> {
        announcement::announce(&interpreter::facts(py)?, &self.loaded, &self.addresses);
        Ok(())
    }

    /// Ends the admin listener, calls the `worker-stop` hooks, and ends the log, after the server has
    /// stopped.
    ///
    /// # Errors
    /// The wait was interrupted, by Ctrl-C for one.
    pub(crate) fn end(self, py: Python<'_>) -> PyResult<StopHooks> {
        let Self { admin, log, .. } = self;
        drop(admin);
        let hooks = hooks::worker_stops(py);
        log.stop(py).map(|()| hooks)
    }
}

impl From<StartError> for PyErr {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Failed(text) => PyRuntimeError::new_err(text),
            StartError::Raised(error) => error,
        }
    }
}

fn telemetry(py: Python<'_>, loaded: &Loaded) -> PyResult<Telemetry> {
    let interpreter = interpreter::facts(py)?;
    Ok(Telemetry::new(&loaded.settings)
        .with_interpreter(interpreter)
        .with_settings_shown(loaded.to_json(true))
        .with_log_dropped(logging::dropped))
}

/// Starts the admin listener anew in a process that the application has forked while it was imported,
/// to make a daemon of it: neither the thread nor the socket exists there.
fn admin_after_fork(
    of_parent: Option<AdminThread>,
    loaded: &Loaded,
    telemetry: &Arc<Telemetry>,
) -> Result<Option<AdminThread>, StartError> {
    // Dropping it would wait for the thread.
    std::mem::forget(of_parent);
    let admin = Admin::bind_after_parent(&loaded.settings)
        .map_err(|error| StartError::Failed(error.to_string()))?;
    admin.map(|admin| start_admin(admin, telemetry.clone())).transpose()
}

fn start_admin(admin: Admin, report: Arc<dyn Report>) -> Result<AdminThread, StartError> {
    let addresses: Vec<_> = admin.addresses().map(ToString::to_string).collect();
    let admin = admin
        .start(report)
        .map_err(|error| StartError::Failed(format!("cannot start the admin listener: {error}")))?;
    tracing::info!("probes, metrics and status on {}", addresses.join(", "));
    Ok(admin)
}
