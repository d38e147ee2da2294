//! Declarations of the settings of worker processes, and of the supervisor that owns them.

use super::{Change, Kind, Setting};
use crate::kinds::{Count, CountOrAuto, Period, SizeOrShare, Words, Zero};
use crate::values::{MetricsByWorker, SupervisorUse};

/// The maximum number of worker processes: more than any machine has CPUs for.
const MOST_WORKERS: i64 = 1024;

/// The maximum of a number of requests: far below the range of the counter.
const MOST_REQUESTS: i64 = 1_000_000_000_000;

settings! {
    section Processes;

    WORKERS {
        name: "workers",
        kind: Kind::CountOrAuto(CountOrAuto(Count::from_to(1, MOST_WORKERS, "processes"))),
        default: Some("1"),
        help: "Worker processes; `auto` is one for each CPU that may be used, and one if Python \
               has no GIL.",
        short: Some('w'),
        fallback_variable: Some("WEB_CONCURRENCY"),
    }

    SUPERVISOR {
        name: "supervisor",
        kind: Kind::Choice(Words::of::<SupervisorUse>()),
        default: Some("auto"),
        help: "Whether a process that runs no application code owns the worker processes. `auto` \
               is if there are several workers or a setting needs it; `never` refuses such \
               settings.",
        since: "0.2",
        change: Change::Restart,
    }

    PRELOAD {
        name: "preload",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Import the application once, and fork the worker processes from the process that \
               has it: they share its memory and start at once. Linux only.",
        since: "0.2",
        change: Change::Restart,
        alias: Some("preload-app"),
    }

    MAX_REQUESTS {
        name: "max-requests",
        kind: Kind::Count(Count::at_least(0, MOST_REQUESTS, "requests")),
        default: Some("0"),
        help: "Replace a worker process after this many requests; 0 is never. No connection is \
               closed for it.",
        since: "0.2",
    }

    MAX_REQUESTS_JITTER {
        name: "max-requests-jitter",
        kind: Kind::Count(Count::at_least(0, MOST_REQUESTS, "requests")),
        help: "Add a random number of requests up to this one to `max-requests`, so that workers \
               are not replaced together; a tenth of `max-requests` if unset. Needs \
               `max-requests`.",
        since: "0.2",
        example: "100",
    }

    MAX_RSS {
        name: "max-rss",
        kind: Kind::SizeOrShare(SizeOrShare { whole: "the memory limit of the cgroup" }),
        default: Some("0"),
        help: "Replace a worker process when its resident memory exceeds this size, or this \
               percentage of the cgroup's memory limit; 0 is never.",
        since: "0.2",
    }

    WORKER_TIMEOUT {
        name: "worker-timeout",
        kind: Kind::Duration(Period { zero: Zero::Never }),
        default: Some("60s"),
        help: "Replace a worker process whose interpreter has not answered for this long, or whose \
               threads have all exceeded `request-timeout`, after its stacks have been logged. \
               Without a supervisor, `/livez` fails then. 0 disables this.",
        since: "0.2",
    }

    START_TIMEOUT {
        name: "start-timeout",
        kind: Kind::Duration(Period { zero: Zero::Refused }),
        default: Some("120s"),
        help: "Maximum time of a worker process from its start until it can serve.",
        since: "0.2",
    }

    HOOKS {
        name: "hooks",
        kind: Kind::Module,
        help: "Module that is imported before the application, for the functions that it registers \
               with `maitred.hook`, which run when a worker begins and stops serving.",
        since: "0.2",
        example: "\"project.hooks\"",
    }

    RELOAD {
        name: "reload",
        kind: Kind::Flag,
        default: Some("false"),
        help: "Replace the worker process when the file of an imported module or the settings file \
               changes. For development only: there is one worker, no timeout kills it, and it has \
               the terminal.",
        since: "0.2",
        change: Change::Restart,
    }

    METRICS_BY_WORKER {
        name: "metrics-by-worker",
        kind: Kind::Choice(Words::of::<MetricsByWorker>()),
        default: Some("auto"),
        help: "Whether `/metrics` has the series of each worker process, or their sums; `auto` is \
               up to 8 workers. Threads and connections always have theirs.",
        since: "0.2",
        change: Change::Restart,
    }
}
