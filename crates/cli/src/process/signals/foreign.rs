//! Signals with which operators control other servers: gunicorn, uWSGI, Puma. The system's default
//! action would kill or stop the process. What is not supported here is logged, with what to do
//! instead.

use super::Scope;

/// The signals. A handler is installed only where the default action would happen: one that somebody
/// else has installed stays.
pub(super) const SIGNALS: [&str; 5] = ["SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGWINCH"];

/// Those that the system sends by itself, to a process that uses its terminal in the background.
pub(super) const OF_TERMINALS: [&str; 2] = ["SIGTTIN", "SIGTTOU"];

/// The signal that is sent whenever the window of a terminal changes its size, and does nothing by
/// default.
pub(super) const OF_WINDOWS: &str = "SIGWINCH";

/// What to do instead of sending a signal that is not supported: the end of a sentence.
pub(super) fn advice(signal: &str, scope: Scope) -> &'static str {
    match (signal, scope) {
        ("SIGTTIN" | "SIGTTOU", Scope::Process) => {
            "for another number of worker processes, set `workers` and restart"
        }
        ("SIGTTIN" | "SIGTTOU", _) => {
            "for another number of worker processes, change `workers` in the settings file, and \
             send SIGHUP to the supervisor"
        }
        ("SIGUSR2", Scope::Process) => {
            "to replace the code without losing requests, restart with `supervisor = \"always\"`, \
             and then send SIGHUP"
        }
        ("SIGUSR2", _) => "to replace the code, send SIGHUP to the supervisor",
        _ => "to stop when running requests have finished, send SIGTERM",
    }
}
