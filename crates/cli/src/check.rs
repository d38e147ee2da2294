//! `maitred check APP`: whether it would serve, without opening a socket.

use maitred_config::Loaded;
use pyo3::prelude::*;

use crate::command::{complain, print};
use crate::exit::Exit;
use crate::load;

/// Loads the application with settings that have been found right, and reports.
pub(crate) fn check(py: Python<'_>, loaded: &Loaded) -> Exit {
    let name = loaded.settings.app.as_deref().unwrap_or_default();
    match load::load(py, &loaded.settings) {
        Ok(_) => print(&format!("the settings are right and `{name}` can be served\n")),
        Err(message) => {
            complain(&message);
            Exit::Usage
        }
    }
}
