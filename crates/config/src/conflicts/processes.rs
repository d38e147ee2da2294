//! Checks the settings of worker processes: those that exclude each other, and those that need a
//! supervisor where there is none.

use crate::assembly::{Machine, NoWorkers, max_rss, workers};
use crate::declaration::processes::{
    MAX_REQUESTS, MAX_REQUESTS_JITTER, MAX_RSS, PRELOAD, RELOAD, SUPERVISOR, WORKERS,
};
use crate::merge::Merged;
use crate::problem::Problem;
use crate::system::System;
use crate::values::{MemoryLimit, SupervisorUse};

/// Rejects them.
pub(super) fn check(merged: &Merged, machine: Machine, problems: &mut Vec<Problem>) {
    if let (Some(location), false) =
        (merged.location(&MAX_REQUESTS_JITTER), merged.is_attempted(&MAX_REQUESTS))
    {
        let message = "`max-requests-jitter` needs `max-requests`";
        let hint = "without it, no worker is replaced";
        problems.push(Problem::new(message).at(location).hinting(hint));
    }
    let workers = workers(merged, machine);
    if let (Some(location), true) = (merged.location(&RELOAD), merged.flag(&RELOAD) && workers > 1)
    {
        let message = "`reload` serves with one worker process, and `workers` is more";
        let problem = Problem::new(message).at(location).hinting("`reload` is for development");
        problems.push(match merged.location(&WORKERS) {
            Some(other) => problem.with_other(other, "`workers` is set here"),
            None => problem,
        });
    }
    preload(merged, machine, problems);
    without_supervisor(merged, machine, workers, problems);
    smallest_max_rss(merged, problems);
}

/// Rejects what needs a supervisor, where there is none.
fn without_supervisor(
    merged: &Merged,
    machine: Machine,
    workers: usize,
    problems: &mut Vec<Problem>,
) {
    let supervisor: SupervisorUse = merged.get(&SUPERVISOR);
    for (setting, is_needed) in [
        (&WORKERS, workers > 1),
        (&PRELOAD, merged.flag(&PRELOAD)),
        (&MAX_REQUESTS, merged.get::<u64>(&MAX_REQUESTS) > 0),
        (&MAX_RSS, max_rss(merged).is_some()),
        (&RELOAD, merged.flag(&RELOAD)),
        (&SUPERVISOR, supervisor == SupervisorUse::Always),
    ] {
        let (Some(location), true) = (merged.location(setting), is_needed) else { continue };
        let name = setting.name;
        if let Some(why) = machine.lacks_workers() {
            let (reason, hint) = match why {
                NoWorkers::OnWindows => (
                    "a supervisor, which is not supported on Windows",
                    "run several services behind IIS or a proxy",
                ),
                NoWorkers::IfPacked => (
                    "worker processes, and a packed program has no interpreter to start them with",
                    "leave it out, and start the program several times behind a proxy; or pack it \
                     with shiv or pex, which use the interpreter of the machine",
                ),
            };
            let problem = Problem::new(format!("`{name}` needs {reason}"));
            problems.push(problem.at(location).hinting(hint));
        } else if supervisor == SupervisorUse::Never {
            let problem = Problem::new(format!("`{name}` needs a supervisor")).at(location);
            problems.push(match merged.location(&SUPERVISOR) {
                Some(other) => problem.with_other(other, "`supervisor` is `never` here"),
                None => problem,
            });
        }
    }
}

/// The size below which `max-rss` must have been meant in another unit: no interpreter is as small.
const LEAST_MAX_RSS: u64 = 1 << 20;

/// Rejects a `max-rss` in megabytes, in which uWSGI and granian count, or in kilobytes.
fn smallest_max_rss(merged: &Merged, problems: &mut Vec<Problem>) {
    let (Some(location), Some(MemoryLimit::Bytes(bytes @ ..LEAST_MAX_RSS))) =
        (merged.location(&MAX_RSS), max_rss(merged))
    else {
        return;
    };
    let unit = if bytes < LEAST_MAX_RSS >> 4 { "MiB" } else { "KiB" };
    let message = format!("`max-rss` is {bytes} bytes, which every process exceeds");
    let hint = format!("a size without a unit is in bytes: write `{bytes}{unit}`");
    problems.push(Problem::new(message).at(location).hinting(hint));
}

/// Rejects `preload` where nothing can be forked, or where each process has to import the code itself.
fn preload(merged: &Merged, machine: Machine, problems: &mut Vec<Problem>) {
    let (Some(location), true) = (merged.location(&PRELOAD), merged.flag(&PRELOAD)) else { return };
    if machine.system == System::Unix {
        let message = "`preload` is supported on Linux only";
        let hint = "leave it out: each worker then imports the application";
        problems.push(Problem::new(message).at(location).hinting(hint));
    }
    if merged.flag(&RELOAD) {
        let message = "`preload` and `reload` exclude each other";
        let problem = Problem::new(message).at(location);
        problems.push(match merged.location(&RELOAD) {
            Some(other) => problem.with_other(other, "`reload` is set here"),
            None => problem.hinting("`reload` is for development"),
        });
    }
}
