//! Reads the sources of settings: files, the environment, the machine, the project.
//!
//! The config crate selects the files and parses their text; only this module opens them. What has
//! been read is kept, and a supervisor passes it on to its workers (`passed_sources.rs`).

use std::io::ErrorKind;
use std::path::PathBuf;

use maitred_config::{
    Candidate, Found, Gil, Invocation, Packing, SettingsFile, Sources, System, Value, path_text,
};
use maitred_server::error_text::describe;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::engine::gil;
use crate::process::project;

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// The arguments without the program's name.
    pub(crate) arguments: Vec<String>,
    /// Where the program knows the application from, if it has added it to the user's arguments.
    pub(crate) application_from: Option<String>,
}

impl CommandLine {
    /// What it says.
    pub(crate) fn parse(&self) -> Invocation {
        let invocation = Invocation::parse(self.arguments.clone());
        match &self.application_from {
            Some(origin) => invocation.naming_application_from(origin),
            None => invocation,
        }
    }
}

/// The sources of settings of this process, as they were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceTexts {
    /// The command line, if there is one.
    pub(super) line: Option<CommandLine>,
    pub(super) keywords: Vec<(String, Value)>,
    pub(super) environment: Vec<(String, String)>,
    /// The path of the settings file, and its text.
    pub(super) file: Option<(String, Result<Vec<u8>, String>)>,
    /// What the files of the project suggest.
    pub(super) found: Found,
    pub(super) cpus: usize,
    /// The working directory. Of one that has been removed, paths stay relative, and fail where they
    /// are used.
    pub(super) directory: Option<PathBuf>,
}

impl SourceTexts {
    /// Reads every source of this process.
    pub(crate) fn read(line: Option<CommandLine>, keywords: Vec<(String, Value)>) -> Self {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .map(|(name, value)| (path_text::from_os(&name), path_text::from_os(&value)))
            .collect();
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let directory = std::env::current_dir().ok();
        let found = Found::default();
        let mut texts = Self { line, keywords, environment, file: None, found, cpus, directory };
        texts.file = texts.candidates().into_iter().find_map(|candidate| read(&candidate));
        texts
    }

    /// Searches the files of the project for an application, if no source names one and the command
    /// needs it.
    ///
    /// # Errors
    /// Ctrl-C, or an exception that is not about the files.
    pub(crate) fn find_application(&mut self, py: Python<'_>) -> PyResult<()> {
        if let Some(folder) = maitred_config::unnamed_application(&self.sources()) {
            self.found = project::find(py, &folder)?;
        }
        Ok(())
    }

    /// The sources, for loading.
    pub(crate) fn sources(&self) -> Sources {
        let file = self.file.as_ref().and_then(|(path, contents)| {
            let candidate = self.candidates().into_iter().find(|it| it.path == *path)?;
            Some(SettingsFile { candidate, contents: contents.clone() })
        });
        Sources {
            file,
            environment: self.environment.clone(),
            invocation: self.invocation(),
            keywords: self.keywords.clone(),
            found: self.found.clone(),
            cpus: self.cpus,
            gil: gil(),
            directory: self.directory.clone(),
            process: self.line.is_some().then(std::process::id),
            system: System::HERE,
            // An application object is served by this process, whatever the environment says.
            packing: if self.line.is_some() { packing() } else { Packing::Interpreter },
        }
    }

    fn invocation(&self) -> Option<Invocation> {
        self.line.as_ref().map(CommandLine::parse)
    }

    fn candidates(&self) -> Vec<Candidate> {
        maitred_config::candidates(self.invocation().as_ref(), &self.environment)
    }
}

/// Whether the interpreter has a GIL. One that cannot say it is older than those without.
fn gil() -> Gil {
    match Python::attach(gil::is_enabled) {
        Ok(false) => Gil::Disabled,
        Ok(true) | Err(_) => Gil::Enabled,
    }
}

/// What runs this program. PyInstaller and cx_Freeze set `sys.frozen`, and Nuitka tells in its modules.
fn packing() -> Packing {
    let is_packed = Python::attach(|py| -> PyResult<bool> {
        let sys = py.import("sys")?;
        let is_set = |object: &Bound<'_, PyAny>, name| match object.getattr_opt(name)? {
            Some(value) => value.is_truthy(),
            None => Ok(false),
        };
        if !is_set(&sys, "executable")? || is_set(&sys, "frozen")? {
            return Ok(true);
        }
        let program = sys.getattr("modules")?.cast::<PyDict>()?.get_item("__main__")?;
        let compiled = program.map(|program| program.getattr_opt("__compiled__")).transpose()?;
        compiled.flatten().map_or(Ok(false), |compiled| is_set(&compiled, "standalone"))
    });
    match is_packed {
        Ok(true) => Packing::Packed,
        Ok(false) | Err(_) => Packing::Interpreter,
    }
}

/// Reads a settings file. `None` if it does not exist and was not named.
#[expect(clippy::disallowed_methods, reason = "this is where settings files are read")]
fn read(candidate: &Candidate) -> Option<(String, Result<Vec<u8>, String>)> {
    let path = candidate.path.clone();
    match std::fs::read(path_text::to_path(&path)) {
        Ok(bytes) => Some((path, Ok(bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound && candidate.named_by.is_none() => None,
        Err(error) => Some((path, Err(describe(&error)))),
    }
}
