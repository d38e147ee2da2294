//! The world that settings come from: files, the environment, the number of CPUs.
//!
//! The config crate says which files it wants and what the text means; only here they are opened.

use std::io::ErrorKind;

use maitred_config::{Candidate, Invocation, SettingsFile, Sources, System, Value};
use maitred_server::system_error::in_words;

/// Everything that can say something about the settings of this process.
pub(crate) fn gather(invocation: Option<Invocation>, keywords: Vec<(String, Value)>) -> Sources {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()))
        .collect();
    let file =
        maitred_config::candidates(invocation.as_ref(), &environment).into_iter().find_map(read);
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    Sources { file, environment, invocation, keywords, cpus, system: System::HERE }
}

/// Reads a settings file. `None` when it is not there and nobody has said that it would be.
fn read(candidate: Candidate) -> Option<SettingsFile> {
    match std::fs::read(&candidate.path) {
        Ok(bytes) => Some(SettingsFile { candidate, contents: Ok(bytes) }),
        Err(error) if error.kind() == ErrorKind::NotFound && candidate.named_by.is_none() => None,
        Err(error) => Some(SettingsFile { candidate, contents: Err(in_words(&error)) }),
    }
}
