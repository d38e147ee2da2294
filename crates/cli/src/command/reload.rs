//! `maitred reload`: has a running server replace its workers, and waits for the outcome.
//!
//! Nothing is asked over HTTP: the permission to reload is the permission to signal. The status page
//! says which process the supervisor is, and then how the reload goes.

use std::time::Duration;

use pyo3::prelude::*;
use serde_json::Value as Json;

use super::running_server::{RunningServer, Unanswered, status_of};
use crate::process::exit_status::ExitStatus;
use crate::process::output::{colour, print, print_error};
use crate::process::sources::CommandLine;

/// How often the server is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How often it is asked until it must have begun: ten seconds.
const ASKED_UNTIL_BEGUN: u32 = 100;

/// Reloads, and prints how it ended.
///
/// # Errors
/// The exception of a signal handler, such as `KeyboardInterrupt`; the reload goes on.
pub(crate) fn reload(py: Python<'_>, line: CommandLine) -> PyResult<ExitStatus> {
    let server = match RunningServer::find(line) {
        Ok(server) => server,
        Err(problems) => {
            print_error(&problems.render_each(colour()));
            return Ok(ExitStatus::Usage);
        }
    };
    match carry_out(py, &server) {
        Ok(result) => Ok(print(&format!("reload {result}\n"))),
        Err(Unanswered::Error(error)) => {
            print_error(&format!("error: {error}\n"));
            Ok(ExitStatus::Failed)
        }
        Err(Unanswered::Raised(error)) => Err(error),
    }
}

/// The result of a reload that is complete.
fn carry_out(py: Python<'_>, server: &RunningServer) -> Result<String, Unanswered> {
    let before = state(&status_of(py, server)?, server)?;
    if let Some(running) = before.running() {
        return Err(Unanswered::Error(format!("a reload is {running} already")));
    }
    signal(&before.process, server).map_err(Unanswered::Error)?;
    let mut asked = 0;
    loop {
        wait(py).map_err(Unanswered::Raised)?;
        let now = state(&status_of(py, server)?, server)?;
        if now.running().is_none() && now.ended > before.ended {
            return match now.result.starts_with("complete") {
                true => Ok(now.result),
                false => {
                    let message = format!("reload {}; the log of the server says why", now.result);
                    Err(Unanswered::Error(message))
                }
            };
        }
        asked += 1;
        if now.running().is_none() && asked >= ASKED_UNTIL_BEGUN {
            let message = format!("the server at {server} was sent SIGHUP, and does not reload");
            return Err(Unanswered::Error(message));
        }
    }
}

/// What the status page says about reloads.
struct ReloadState {
    /// How many have ended, in whatever way.
    ended: u64,
    /// The progress of one that runs, or how the last one ended.
    result: String,
    process: Json,
}

impl ReloadState {
    fn running(&self) -> Option<&str> {
        self.result.starts_with("running").then_some(self.result.as_str())
    }
}

fn state(status: &Json, server: &RunningServer) -> Result<ReloadState, Unanswered> {
    let supervisor = &status["supervisor"];
    if supervisor.is_null() {
        let message = format!(
            "the server at {server} has no supervisor, and cannot replace itself: set `supervisor = \
             \"always\"` and restart it"
        );
        return Err(Unanswered::Error(message));
    }
    Ok(ReloadState {
        ended: supervisor["reloads"].as_u64().unwrap_or_default(),
        result: supervisor["reload"].as_str().unwrap_or_default().to_owned(),
        process: supervisor["process"].clone(),
    })
}

/// Sends SIGHUP to the supervisor.
#[cfg(target_os = "linux")]
fn signal(process: &Json, server: &RunningServer) -> Result<(), String> {
    use maitred_server::system::process_identity::{NotSignalled, ProcessIdentity};

    let identity = serde_json::from_value::<ProcessIdentity>(process.clone())
        .map_err(|_| format!("the server at {server} does not say which process it is"))?;
    identity.hang_up().map_err(|error| {
        let hint = match error {
            NotSignalled::OtherNamespace => {
                ": run this command in it, as with `docker exec` or `kubectl exec`, or send SIGHUP \
                 there, as with `docker kill -s HUP`"
            }
            NotSignalled::OtherMachine => ": run this command there",
            _ => "",
        };
        format!("the server at {server} cannot be signalled: {error}{hint}")
    })
}

/// Other systems have nothing to tell whether a number still means the same process.
#[cfg(not(target_os = "linux"))]
fn signal(_process: &Json, server: &RunningServer) -> Result<(), String> {
    Err(format!(
        "the server at {server} is not signalled on this system: send SIGHUP to it yourself"
    ))
}

/// Waits a moment, and runs the handlers of signals.
fn wait(py: Python<'_>) -> PyResult<()> {
    #[expect(clippy::disallowed_methods, reason = "the server has no way to tell when it is done")]
    py.detach(|| std::thread::sleep(ASK_EVERY));
    py.check_signals()
}
