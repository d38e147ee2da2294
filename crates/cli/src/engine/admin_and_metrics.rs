//! Creates the metrics, and starts the admin listener.

use std::sync::Arc;

use maitred_config::Loaded;
use maitred_server::{Admin, AdminThread, Interpreter, Telemetry};
use pyo3::prelude::*;

use crate::engine::interpreter;
use crate::logging;

/// The telemetry of a server, and its admin listener if there is one.
pub(crate) struct AdminAndMetrics {
    pub(crate) telemetry: Arc<Telemetry>,
    /// Serves until it is dropped.
    _admin: Option<AdminThread>,
}

impl AdminAndMetrics {
    /// Creates the metrics and starts the admin listener. This is done before the application is
    /// imported, so that a probe can distinguish a slow start from a dead process.
    ///
    /// # Errors
    /// A thread cannot be started, or Python cannot be queried; the text is for the user.
    pub(crate) fn open(
        py: Python<'_>,
        loaded: &Loaded,
        admin: Option<Admin>,
    ) -> Result<Self, String> {
        let telemetry = Telemetry::new(&loaded.settings)
            .with_interpreter(facts(py).map_err(|error| error.to_string())?)
            .with_settings_shown(loaded.to_json(true))
            .with_log_dropped(logging::dropped);
        let telemetry = Arc::new(telemetry);
        let admin = admin
            .map(|admin| {
                let places: Vec<_> = admin.addresses().map(ToString::to_string).collect();
                let admin = admin.start(Arc::clone(&telemetry))?;
                tracing::info!("probes, metrics and status on {}", places.join(", "));
                std::io::Result::Ok(admin)
            })
            .transpose()
            .map_err(|error| format!("cannot start the admin listener: {error}"))?;
        Ok(Self { telemetry, _admin: admin })
    }
}

fn facts(py: Python<'_>) -> PyResult<Interpreter> {
    let platform = py.import("platform")?;
    let gil = if interpreter::has_lock(py)? { "enabled" } else { "disabled" };
    Ok(Interpreter {
        version: platform.call_method0("python_version")?.extract()?,
        implementation: platform.call_method0("python_implementation")?.extract()?,
        gil: gil.to_owned(),
    })
}
