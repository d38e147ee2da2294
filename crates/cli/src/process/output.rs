//! The output of the command line: results on stdout, errors on stderr.

use std::io::Write;

use maitred_config::{Colour, ColourUse};
use maitred_server::error_text::describe;
use maitred_server::telemetry::console::Colours;

use crate::process::exit_status::ExitStatus;

/// Writes to stdout.
pub(crate) fn print(text: &str) -> ExitStatus {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitStatus::Done,
        // The reader has read enough: `maitred man | head`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitStatus::Done,
        Err(error) => {
            print_error(&format!("error: cannot write to standard output: {}\n", describe(&error)));
            ExitStatus::Failed
        }
    }
}

/// Writes to stderr.
pub(crate) fn print_error(text: &str) {
    // If stderr is gone, the exit status still reports the failure.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether messages on stderr have colours.
pub(crate) fn colour() -> Colour {
    let environment: Vec<_> = ["NO_COLOR", "FORCE_COLOR"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?.into_string().ok()?)))
        .collect();
    match Colours::on(ColourUse::of(&environment), &std::io::stderr()) {
        Colours::On => Colour::Always,
        Colours::Off => Colour::Never,
    }
}
