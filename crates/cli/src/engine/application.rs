//! Connects the WSGI application to the server.

use std::sync::Arc;

use maitred_config::{ObservabilitySettings, Settings};
use maitred_http_parser::fault::Stage;
#[cfg(unix)]
use maitred_server::Membership;
use maitred_server::{Gil, ListenAddress, Listeners, Running, Server, Telemetry};
use maitred_wsgi_bridge::interpreter::threads::is_exiting;
use maitred_wsgi_bridge::log::{ErrorLines, Level, Raised};
use maitred_wsgi_bridge::{
    LeadingSlashes, ListenerVariables, Log, ServerVariables, WsgiApplication,
};
use pyo3::prelude::*;

use crate::engine::{gil, interpreter};
use crate::logging::{self, LogOutput};

/// What a server is started with, besides the application.
pub(super) struct Start<'a> {
    pub(super) settings: &'a Settings,
    pub(super) listeners: Listeners,
    pub(super) telemetry: Arc<Telemetry>,
    /// Starts the threads, if given.
    pub(super) thread_starter: Option<Py<PyAny>>,
    pub(super) output: LogOutput,
    /// The place among the workers, if it is a worker of a supervisor.
    #[cfg(unix)]
    pub(super) membership: Option<Membership>,
}

/// Starts a server that calls the application.
///
/// # Errors
/// A thread cannot be started, or threads are emulated; the text is for the user.
pub(super) fn start(
    py: Python<'_>,
    callable: Py<PyAny>,
    start: Start<'_>,
) -> Result<Running, String> {
    if let Some(problem) = interpreter::without_threads(py).map_err(text)? {
        return Err(problem);
    }
    let gil = if gil::is_enabled(py).map_err(text)? { Gil::Enabled } else { Gil::Disabled };
    if gil == Gil::Enabled && start.telemetry.gil_enabled() {
        gil::log_enabled(py);
    }
    let application =
        plug_in(py, callable, &start).map_err(text)?.with_thread_starter(start.thread_starter);
    let settings = Arc::new(start.settings.clone());
    let server = Server::new(settings, start.listeners, Arc::new(application), start.telemetry)
        .with_gil(gil);
    #[cfg(unix)]
    let server = match start.membership {
        Some(membership) => server.among_siblings(membership),
        None => server,
    };
    server.start().map_err(text)
}

impl Start<'_> {
    /// Whether a supervisor may run the application in other processes at the same time.
    const fn is_supervised(&self) -> bool {
        #[cfg(unix)]
        return self.membership.is_some();
        #[cfg(not(unix))]
        return false;
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Creates the WSGI application with the variables that the environ needs.
fn plug_in(py: Python<'_>, callable: Py<PyAny>, start: &Start<'_>) -> PyResult<WsgiApplication> {
    let settings = start.settings;
    let log = ApplicationLog { telemetry: Arc::clone(&start.telemetry), output: start.output };
    let listeners = start.listeners.addresses().map(|address| ListenerVariables {
        server_name: settings.application.server_name.clone(),
        server_port: match address {
            ListenAddress::Tcp(address) => address.port().to_string(),
            ListenAddress::Unix(path) => path.display().to_string(),
        },
    });
    let variables = ServerVariables {
        listeners: listeners.collect(),
        url_scheme: settings.application.url_scheme.clone(),
        url_prefix: settings.application.url_prefix.clone(),
        leading_slashes: if settings.application.collapse_leading_slashes {
            LeadingSlashes::Collapsed
        } else {
            LeadingSlashes::Kept
        },
        ident: settings.application.ident.clone().unwrap_or_default(),
        threads: settings.limits.threads,
        error_output: start.output.error_output(),
        is_multiprocess: start.is_supervised(),
        expose_tracebacks: settings.observability.expose_tracebacks,
        logged_environ: logged_environ(&settings.observability),
    };
    WsgiApplication::new(py, callable, &variables, Arc::new(log))
}

/// The environ variables that the access log shows, if there is one.
fn logged_environ(observability: &ObservabilitySettings) -> Vec<String> {
    if observability.access_log.is_none() {
        return Vec::new();
    }
    observability.access_log_format.environ_variables().map(str::to_owned).collect()
}

/// Logs the application's exceptions and what it writes to `wsgi.errors`.
struct ApplicationLog {
    telemetry: Arc<Telemetry>,
    output: LogOutput,
}

impl ErrorLines for ApplicationLog {
    fn written(&self, text: &str) {
        Python::attach(logging::learn_thread_name); // a thread of the application may write
        logging::write_text(text);
    }

    fn flush(&self) {
        logging::flush();
    }

    fn shows_colours(&self) -> bool {
        logging::shows_colours()
    }
}

impl Log for ApplicationLog {
    fn thread_started(&self) {
        Python::attach(logging::learn_thread_name); // already attached: every method here is
    }

    fn raised(&self, raised: &Raised<'_>) {
        if is_exiting() && raised.exception == "SystemExit" {
            return; // raised by us to end the thread at shutdown
        }
        self.telemetry.application_raised(raised.stage);
        let doing = match raised.stage {
            Stage::Call => "when it was called",
            Stage::Iterate => "while its response was iterated",
            Stage::Close => "when its response was closed",
        };
        let message = format!("the application raised an exception {doing}");
        Python::attach(|py| logging::log_exception(py, raised, message, self.output));
    }

    fn gil_enabled(&self) {
        if self.telemetry.gil_enabled() {
            Python::attach(gil::log_enabled);
        }
    }

    fn noted(&self, level: Level, text: &str) {
        match level {
            Level::Warning => tracing::warn!("{text}"),
            Level::Error => tracing::error!("{text}"),
        }
    }
}
