//! `log-config`: reads the file, and lets Python's `logging.config` apply it.

use maitred_config::{LoggingFile, Problems, Settings};
use maitred_server::error_text::describe;
use pyo3::prelude::*;

/// Reads the file that the settings name, if they name one.
///
/// # Errors
/// It cannot be read or parsed.
#[expect(clippy::disallowed_methods, reason = "a settings file of Python's `logging`")]
pub(crate) fn read(settings: &Settings) -> Result<Option<LoggingFile>, Problems> {
    let Some(path) = &settings.observability.log_config else { return Ok(None) };
    let contents = std::fs::read_to_string(path).map_err(|error| describe(&error));
    LoggingFile::parse(path, contents).map(Some)
}

/// Why `logging` could not be configured.
pub(crate) enum Unconfigured {
    /// The file is wrong.
    Problems(Problems),
    /// Python cannot say why.
    Raised(PyErr),
}

/// Configures Python's `logging` with the file that the settings name, if they name one.
///
/// # Errors
/// The file is wrong, or `logging` refuses it.
pub(crate) fn apply(py: Python<'_>, settings: &Settings) -> Result<(), Unconfigured> {
    let Some(file) = read(settings).map_err(Unconfigured::Problems)? else { return Ok(()) };
    let dictionary = file.dictionary().to_string();
    let refused: Option<(String, Vec<String>)> = py
        .import("maitred._logging")
        .and_then(|module| module.call_method1("configure", (dictionary,))?.extract())
        .map_err(Unconfigured::Raised)?;
    match refused {
        Some((message, keys)) => Err(Unconfigured::Problems(file.problem(&message, &keys))),
        None => Ok(()),
    }
}
