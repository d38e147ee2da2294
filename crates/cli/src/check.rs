//! `maitred check APP`: checks the settings and loads the application, without opening a socket.

use maitred_config::{Loaded, Settings};
use maitred_server::telemetry::check_format;
use pyo3::prelude::*;

use crate::exit::Exit;
use crate::load;
use crate::output::{complain, print};

/// Loads the application with valid settings, and reports the result.
pub(crate) fn check(py: Python<'_>, loaded: &Loaded) -> Exit {
    if let Err(exit) = access_log_format(&loaded.settings) {
        return exit;
    }
    let name = loaded.settings.app.as_deref().unwrap_or_default();
    match load::load(py, &loaded.settings) {
        Ok(_) => print(&format!("the settings are valid and `{name}` can be served\n")),
        Err(message) => {
            complain(&message);
            Exit::Usage
        }
    }
}

/// Rejects an access log format with unknown fields. The server crate knows the fields, not the
/// config crate, so this check is not part of loading the settings.
pub(crate) fn access_log_format(settings: &Settings) -> Result<(), Exit> {
    check_format(&settings.access_log_format).map_err(|error| {
        complain(&format!("error: `access-log-format`: {error}\n"));
        Exit::Usage
    })
}
