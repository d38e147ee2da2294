//! `maitred check APP`: whether it would serve, without opening a socket.

use maitred_config::Loaded;
use maitred_server::telemetry::check_format;
use pyo3::prelude::*;

use crate::command::{complain, print};
use crate::exit::Exit;
use crate::load;

/// Loads the application with settings that have been found right, and reports.
pub(crate) fn check(py: Python<'_>, loaded: &Loaded) -> Exit {
    if let Err(error) = check_format(&loaded.settings.access_log_format) {
        complain(&format!("error: `access-log-format`: {error}\n"));
        return Exit::Usage;
    }
    let name = loaded.settings.app.as_deref().unwrap_or_default();
    match load::load(py, &loaded.settings) {
        Ok(_) => print(&format!("the settings are right and `{name}` can be served\n")),
        Err(message) => {
            complain(&message);
            Exit::Usage
        }
    }
}
