//! The first line of the log: what serves where, with how many threads, on which interpreter.
//!
//! People and scripts look for `serving on http://`; the settings that are not the default stand in
//! a line of their own, each with its origin, because that is the first question of whoever is
//! called in the night.

use maitred_config::{Loaded, Settings};
use maitred_server::ListenAddress;
use pyo3::prelude::*;

use crate::interpreter;

/// Logs that the server serves.
///
/// # Errors
/// Python does not know what it is.
pub(crate) fn announce<'a>(
    py: Python<'_>,
    loaded: &Loaded,
    addresses: impl Iterator<Item = &'a ListenAddress>,
) -> PyResult<()> {
    let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
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
        tracing::info!("settings that are not the default: {}", changed.join(", "));
    }
    Ok(())
}

fn threads(settings: &Settings) -> String {
    match settings.threads {
        1 => "1 thread".into(),
        several => format!("{several} threads"),
    }
}
