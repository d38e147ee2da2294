//! What the settings say about worker processes, in the terms of the supervisor.

use std::time::Duration;

use maitred_config::{Loaded, Settings};
use maitred_server::supervisor::facts::{Periods, StartFailure, Wanted};
use maitred_server::supervisor::file_needs;
use maitred_server::supervisor::memory_limit::MemoryLimit;
use maitred_server::supervisor::recycling::Recycling;
use maitred_server::supervisor::workers::{Reaping, SupervisorOptions, WorkerOptions};

/// How long a new worker has to stay ready before the old one retires.
const SETTLE: Duration = Duration::from_secs(1);

/// Those of a server with these settings.
pub(super) fn options(settings: &Settings, reaping: Reaping) -> SupervisorOptions {
    SupervisorOptions {
        wanted: wanted(settings),
        of_worker: of_worker(settings),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        preload: settings.processes.preload,
        start_failure: match settings.processes.reload {
            true => StartFailure::AwaitsReload,
            false => StartFailure::Ends,
        },
        // A developer wants the new code, and not the old one meanwhile.
        settle: if settings.processes.reload { Duration::ZERO } else { SETTLE },
        reaping,
        temp_dir: settings.application.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
    }
}

/// What a start or a reload asks for.
pub(super) fn wanted(settings: &Settings) -> Wanted {
    let periods = Periods {
        start_timeout: settings.processes.start_timeout,
        drain_delay: settings.timeouts.drain_delay,
        graceful_timeout: settings.timeouts.graceful,
    };
    Wanted { workers: settings.processes.workers, periods }
}

/// How each worker is treated.
pub(super) fn of_worker(settings: &Settings) -> WorkerOptions {
    WorkerOptions {
        worker_timeout: settings.processes.worker_timeout,
        connection_limit: settings.limits.connections,
        recycling: recycling(&settings.processes),
    }
}

/// When workers are replaced. A share of the memory limit is none where there is no limit.
pub(crate) fn recycling(processes: &maitred_config::ProcessSettings) -> Recycling {
    let share = |percent: u8| {
        let limit = MemoryLimit::least().map(|memory| memory.limit)?;
        Some(limit / 100 * u64::from(percent))
    };
    let max_rss = processes.max_rss.and_then(|limit| match limit {
        maitred_config::MemoryLimit::Bytes(bytes) => Some(bytes),
        maitred_config::MemoryLimit::Percent(percent) => share(percent),
    });
    Recycling {
        max_requests: processes.max_requests.unwrap_or(0),
        jitter: processes.max_requests_jitter,
        max_rss: max_rss.unwrap_or(0),
    }
}

/// Refuses more worker processes than the supervisor may have files open for, of which so many run.
pub(super) fn enough_descriptors(loaded: &Loaded, running: usize) -> Result<(), String> {
    let workers = loaded.settings.processes.workers;
    let origin = || loaded.origin("workers").map(ToString::to_string).unwrap_or_default();
    file_needs::check(workers, running).map_err(|few| format!("{few} ({})", origin()))
}
