//! Reads the sources of settings: files, the environment, the number of CPUs.
//!
//! The config crate selects the files and parses their text; only this module opens them.

use std::io::ErrorKind;

use maitred_config::{Candidate, Gil, Invocation, SettingsFile, Sources, System, Value};
use maitred_server::error_text::describe;
use pyo3::prelude::*;

use crate::engine::interpreter;

/// Every source of settings of this process.
pub(crate) fn gather(invocation: Option<Invocation>, keywords: Vec<(String, Value)>) -> Sources {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
        .collect();
    let file =
        maitred_config::candidates(invocation.as_ref(), &environment).into_iter().find_map(read);
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    // Of a directory that has been removed, paths stay relative, and fail where they are used.
    let directory = std::env::current_dir().ok();
    let process = invocation.is_some().then(std::process::id);
    Sources {
        file,
        environment,
        invocation,
        keywords,
        cpus,
        gil: gil(),
        directory,
        process,
        system: System::HERE,
    }
}

/// Whether the interpreter has a GIL. One that cannot say it is older than those without.
fn gil() -> Gil {
    match Python::attach(interpreter::has_lock) {
        Ok(false) => Gil::Disabled,
        Ok(true) | Err(_) => Gil::Enabled,
    }
}

/// Reads a settings file. `None` if it does not exist and was not named.
fn read(candidate: Candidate) -> Option<SettingsFile> {
    match std::fs::read(&candidate.path) {
        Ok(bytes) => Some(SettingsFile { candidate, contents: Ok(bytes) }),
        Err(error) if error.kind() == ErrorKind::NotFound && candidate.named_by.is_none() => None,
        Err(error) => Some(SettingsFile { candidate, contents: Err(describe(&error)) }),
    }
}
