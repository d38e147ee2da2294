//! `maitred check APP`: checks the settings and loads the application, without opening a socket.

use maitred_config::{Loaded, Settings};
use maitred_server::telemetry::check_format;
use pyo3::prelude::*;

use crate::engine::import;
use crate::process::exit_status::ExitStatus;
use crate::process::output::{print, print_error};

/// Loads the application with valid settings, and reports the result.
pub(crate) fn check(py: Python<'_>, loaded: &Loaded) -> ExitStatus {
    if let Err(exit) = access_log_format(&loaded.settings) {
        return exit;
    }
    let name = loaded.settings.app.as_deref().unwrap_or_default();
    match import::load(py, &loaded.settings) {
        Ok(_) => print(&format!("the settings are valid and `{name}` can be served\n")),
        Err(message) => {
            print_error(&message);
            ExitStatus::Usage
        }
    }
}

/// Rejects an access log format with unknown fields. The server crate knows the fields, not the
/// config crate, so this check is not part of loading the settings.
pub(crate) fn access_log_format(settings: &Settings) -> Result<(), ExitStatus> {
    check_format(&settings.access_log_format).map_err(|error| {
        print_error(&format!("error: `access-log-format`: {error}\n"));
        ExitStatus::Usage
    })
}
