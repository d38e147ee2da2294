//! `maitred check APP`: whether it would serve, without opening a socket.

use maitred_config::{Loaded, Settings};
use maitred_server::telemetry::check_format;
use pyo3::prelude::*;

use crate::exit::Exit;
use crate::load;
use crate::output::{complain, print};

/// Loads the application with settings that have been found right, and reports.
pub(crate) fn check(py: Python<'_>, loaded: &Loaded) -> Exit {
    if let Err(exit) = access_log_format(&loaded.settings) {
        return exit;
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

/// Refuses a format of the access log that has fields which there are not. Which there are the
/// server knows, and not the settings.
pub(crate) fn access_log_format(settings: &Settings) -> Result<(), Exit> {
    check_format(&settings.access_log_format).map_err(|error| {
        complain(&format!("error: `access-log-format`: {error}\n"));
        Exit::Usage
    })
}
