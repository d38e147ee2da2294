//! The first lines of the log: version, addresses, threads and interpreter, then the settings that
//! differ from their defaults, each with its origin.
//!
//! People and scripts look for `serving on http://`.

use maitred_config::{Loaded, Settings};
use maitred_server::ListenAddress;
use pyo3::prelude::*;

use crate::engine::interpreter;

/// Logs that the server is serving.
///
/// # Errors
/// The interpreter cannot be described.
pub(crate) fn announce(
    py: Python<'_>,
    loaded: &Loaded,
    addresses: &[ListenAddress],
) -> PyResult<()> {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    tracing::info!(
        "maitred {} serving on {} with {} ({})",
        env!("CARGO_PKG_VERSION"),
        addresses.join(", "),
        threads(&loaded.settings),
        interpreter::describe(py)?,
    );
    let values = loaded.to_json(false);
    let changed: Vec<String> = loaded
        .changed()
        .map(|(setting, origin)| format!("{}={} ({origin})", setting.name, values[setting.name]))
        .collect();
    if !changed.is_empty() {
        tracing::info!("non-default settings: {}", changed.join(", "));
    }
    Ok(())
}

fn threads(settings: &Settings) -> String {
    let threads = match settings.limits.threads {
        1 => "1 thread".into(),
        several => format!("{several} threads"),
    };
    match settings.processes.workers {
        1 => threads,
        several => format!("{several} worker processes with {threads} each"),
    }
}
