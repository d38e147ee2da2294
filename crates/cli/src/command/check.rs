//! `maitred check APP`: checks the settings and loads the application, without opening a socket.

use maitred_config::Loaded;
use pyo3::prelude::*;

use crate::engine::import;
use crate::process::exit_status::ExitStatus;
use crate::process::output::{print, print_error};

/// Loads the application with valid settings, and reports the result.
pub(crate) fn check(py: Python<'_>, loaded: &Loaded) -> ExitStatus {
    let name = loaded.settings.application.app.as_deref().unwrap_or_default();
    match import::load(py, &loaded.settings) {
        Ok(_) => print(&format!("the settings are valid and `{name}` can be served\n")),
        Err(error) => {
            print_error(&error.text);
            ExitStatus::Usage
        }
    }
}
