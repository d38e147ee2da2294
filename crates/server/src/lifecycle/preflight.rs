//! Finds out whether a server would start, without starting one: `maitred check`.
//!
//! It does what starting does with addresses and files, and undoes it at once. It never listens, so
//! no client notices. An address in use is not an error, because the check of a new version runs
//! beside the old one.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;

use maitred_config::{AccessLogTarget, Endpoint, Settings};

use crate::connection::temp_files::TempFiles;
use crate::listen::{BindCause, BindError, rehearse};
use crate::system::error_text::describe;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It would keep the server from starting.
    Error(String),
    /// It could not be checked, or may be different when the server starts.
    Note(String),
}

/// Checks addresses and files. `passed` are the descriptors that a service manager passed to this
/// process, if it did.
pub fn preflight(settings: &Settings, passed: Option<Range<i32>>) -> Vec<Finding> {
    let endpoints = settings.network.listen.iter().chain(&settings.network.admin_listen);
    let mut findings: Vec<Finding> =
        endpoints.filter_map(|endpoint| address(endpoint, settings, passed.as_ref())).collect();
    if let Err(error) = TempFiles::unlimited(settings.application.temp_dir.clone()).try_out() {
        findings.push(Finding::Error(error.to_string()));
    }
    if let Some(AccessLogTarget::File(path)) = &settings.observability.access_log {
        findings.extend(access_log(path));
    }
    findings
}

fn address(
    endpoint: &Endpoint,
    settings: &Settings,
    passed: Option<&Range<i32>>,
) -> Option<Finding> {
    if let (Endpoint::Descriptor(number), None) = (endpoint, passed) {
        let why = "no sockets were passed to this process";
        return Some(Finding::Note(format!("fd://{number} was not checked: {why}")));
    }
    if let (Endpoint::Descriptor(number), Some(passed)) = (endpoint, passed)
        && !passed.contains(number)
    {
        let which = match passed.len() {
            1 => format!("only fd://{} was passed", passed.start),
            _ => format!("fd://{} to fd://{} were passed", passed.start, passed.end - 1),
        };
        return Some(Finding::Error(format!("cannot listen on fd://{number}: {which}")));
    }
    match rehearse(endpoint, settings) {
        Ok(()) => None,
        Err(BindError { address, reason, cause: BindCause::System(ErrorKind::AddrInUse) }) => {
            Some(Finding::Note(format!("{address}: {reason}")))
        }
        Err(error) => Some(Finding::Error(error.to_string())),
    }
}

fn access_log(path: &Path) -> Option<Finding> {
    let exists = path.exists();
    match OpenOptions::new().create(true).append(true).open(path) {
        Ok(_) if exists => None,
        Ok(_) => {
            // Created by the check. If it cannot be removed, an empty log is left over.
            let _ = std::fs::remove_file(path);
            None
        }
        Err(error) => {
            let (path, reason) = (path.display(), describe(&error));
            Some(Finding::Error(format!("cannot open the access log {path}: {reason}")))
        }
    }
}
