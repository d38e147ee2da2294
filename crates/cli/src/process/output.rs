//! The output of the command line: results on stdout, errors on stderr.

use std::io::{IsTerminal, Write};

use maitred_config::Colour;
use maitred_server::error_text::describe;

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

/// Whether stderr is a terminal that shows colours.
pub(crate) fn colour() -> Colour {
    // https://no-color.org: set and not empty.
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stderr().is_terminal() && !unwanted { Colour::Always } else { Colour::Never }
}
