//! The command line: takes arguments, and returns an exit status.
//!
//! Errors are printed to stderr and reported by the exit status. Nothing is raised and the process
//! does not exit, so a program can call `maitred.runner.run(argv)`.

mod check;
mod health;
mod import;
mod reload;
mod running_server;
mod status;
mod top;

use std::ffi::OsString;

use maitred_config::{Command, Loaded, path_text, reference};
use maitred_server::error_text::describe;
use pyo3::prelude::*;

use crate::process::exit_status::ExitStatus;
use crate::process::output::{colour, print, print_error};
use crate::process::serve::{self, Afterwards};
use crate::process::sources::{CommandLine, SourceTexts};

/// Runs the command line of this process, which exits afterwards. The first element is the program's
/// name. Returns the exit status.
#[pyfunction]
#[pyo3(signature = (argv, /))]
pub(crate) fn main(py: Python<'_>, argv: Vec<OsString>) -> PyResult<i32> {
    #[cfg(unix)]
    {
        maitred_server::open_missing_streams()?;
        maitred_server::find_inherited_sockets();
    }
    let line = CommandLine { arguments: arguments(&argv), application_from: None };
    Ok(carry_out(py, line, Afterwards::Exit)?.status())
}

/// Runs a command line within a program that continues afterwards. The first element is the
/// program's name. `application_from` says where the program knows the application from, if it has
/// added it. Returns the exit status.
#[pyfunction]
#[pyo3(signature = (argv, /, application_from=None))]
pub(crate) fn run(
    py: Python<'_>,
    argv: Vec<OsString>,
    application_from: Option<String>,
) -> PyResult<i32> {
    let line = CommandLine { arguments: arguments(&argv), application_from };
    Ok(carry_out(py, line, Afterwards::Continue)?.status())
}

/// The arguments after the program's name.
fn arguments(argv: &[OsString]) -> Vec<String> {
    argv.iter().skip(1).map(|argument| path_text::from_os(argument)).collect()
}

/// Runs a command.
///
/// # Errors
/// An exception that is not an error of the user, such as Ctrl-C while nothing is served.
fn carry_out(py: Python<'_>, line: CommandLine, after: Afterwards) -> PyResult<ExitStatus> {
    let invocation = line.parse();
    let command = invocation.command.clone();
    // The commands that load settings report errors in the command line together with the others.
    let loads = matches!(
        command,
        Command::Serve | Command::Dev | Command::Check(_) | Command::ShowConfig { .. }
    );
    if !loads
        && !matches!(command, Command::Print(_))
        && let Err(problems) = invocation.check()
    {
        print_error(&problems.render_each(colour()));
        return Ok(ExitStatus::Usage);
    }
    let text = match &command {
        Command::Print(text) => Ok(text.clone()),
        Command::Schema => Ok(reference::schema()),
        Command::Completions(shell) => Ok(reference::completions(*shell)),
        Command::Man { command } => man(command),
        Command::Import { what } => return import::import(py, what),
        Command::Top => return top::top(py, line),
        Command::Status => return status::status(py, line),
        Command::Reload => return reload::reload(py, line),
        Command::Health(probe) => return health::health(py, line, *probe),
        Command::Serve | Command::Dev | Command::Check(_) | Command::ShowConfig { .. } => {
            let mut texts = SourceTexts::read(Some(line), Vec::new());
            texts.find_application(py)?;
            return with_settings(py, &command, texts, after);
        }
    };
    Ok(match text {
        Ok(text) => print(&text),
        Err(error) => {
            print_error(&format!("error: {error}\n"));
            ExitStatus::Usage
        }
    })
}

fn man(command: &[String]) -> Result<String, String> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match reference::man_page(&words) {
        Ok(Some(page)) => Ok(page),
        Ok(None) => {
            let pages: Vec<_> = reference::manual_pages().filter(|page| !page.is_empty()).collect();
            let (name, pages) = (words.join(" "), pages.join(", "));
            Err(format!("there is no manual page for `{name}`: there are {pages}"))
        }
        Err(error) => Err(describe(&error)),
    }
}

fn with_settings(
    py: Python<'_>,
    command: &Command,
    texts: SourceTexts,
    after: Afterwards,
) -> PyResult<ExitStatus> {
    let loaded = match maitred_config::load(texts.sources()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            match command {
                Command::Serve => serve::refuse(py, &texts.sources(), &problems, after)?,
                Command::ShowConfig { .. } => print_error(&problems.render_each(colour())),
                _ => print_error(&problems.render(colour())),
            }
            return Ok(ExitStatus::Usage);
        }
    };
    match command {
        Command::ShowConfig { origins, format } => {
            print_warnings(&loaded);
            Ok(print(&loaded.show(*format, *origins)))
        }
        Command::Check(checks) => {
            print_warnings(&loaded);
            if let Some(found) = loaded.found() {
                print_error(&format!("note: {found}\n"));
            }
            check::check(py, &loaded, *checks)
        }
        _ => serve::serve(py, &loaded, texts, after),
    }
}

/// Prints the warnings about the settings to stderr, because there is no log yet.
fn print_warnings(loaded: &Loaded) {
    for warning in &loaded.warnings {
        print_error(&warning.render(colour()));
    }
    if let Some(note) = loaded.compatibility_note() {
        print_error(&format!("note: {note}\n"));
    }
}
