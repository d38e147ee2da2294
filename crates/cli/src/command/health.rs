//! `maitred health`: asks a running server whether it is healthy, for images that have no other
//! client of HTTP.

use maitred_config::Probe;
use pyo3::prelude::*;

use super::running_server::{RunningServer, Unanswered};
use crate::process::exit_status::ExitStatus;
use crate::process::output::{colour, print, print_error};
use crate::process::sources::CommandLine;

/// Asks, and prints what the server says of itself.
///
/// # Errors
/// The exception of a signal handler, such as `KeyboardInterrupt`.
pub(crate) fn health(py: Python<'_>, line: CommandLine, probe: Probe) -> PyResult<ExitStatus> {
    let server = match RunningServer::find(line) {
        Ok(server) => server,
        Err(problems) => {
            print_error(&problems.render_each(colour()));
            return Ok(ExitStatus::Usage);
        }
    };
    let (path, healthy, unhealthy) = match probe {
        Probe::Ready => ("/readyz", "takes requests", "takes no requests"),
        Probe::Alive => ("/livez", "reacts", "does not react"),
        Probe::Started => ("/startupz", "has started", "has not started"),
    };
    let error = match server.get(py, path) {
        Ok(response) if response.status == 200 => {
            return Ok(print(&format!("the server at {server} {healthy}\n")));
        }
        Ok(response) if response.status == 503 => {
            // A word or a few, on one line.
            let reason = response.body.lines().next().unwrap_or_default();
            format!("the server at {server} {unhealthy}: {}", reason.escape_debug())
        }
        Ok(response) => {
            format!("{server} is no admin listener: it answers {path} with {}", response.status)
        }
        Err(Unanswered::Error(error)) => error,
        Err(Unanswered::Raised(error)) => return Err(error),
    };
    print_error(&format!("error: {error}\n"));
    Ok(ExitStatus::Failed)
}
