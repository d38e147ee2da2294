//! Tests of the settings of worker processes: refusals word for word, and what follows from others.

mod written;

use std::time::Duration;

use maitred_config::{Gil, MemoryLimit, Packing};
use written::Written;

fn report(toml: &str) -> String {
    Written { toml, ..Written::default() }.report()
}

fn command_line_report(arguments: &[&str]) -> String {
    Written { arguments, ..Written::default() }.report()
}

#[test]
fn settings_without_the_supervisor_that_they_need_are_refused() {
    assert_eq!(
        report(
            "supervisor = \"never\"\nworkers = 2\nmax-requests = 100\nmax-rss = \"25%\"\npreload = true\n"
        ),
        "\
error: `workers` needs a supervisor
  --> maitred.toml:2:11
   |
 1 | supervisor = \"never\"
   |              ------- `supervisor` is `never` here
 2 | workers = 2
   |           ^
error: `preload` needs a supervisor
  --> maitred.toml:5:11
   |
 1 | supervisor = \"never\"
   |              ------- `supervisor` is `never` here
 ...
 5 | preload = true
   |           ^^^^
error: `max-requests` needs a supervisor
  --> maitred.toml:3:16
   |
 1 | supervisor = \"never\"
   |              ------- `supervisor` is `never` here
 2 | workers = 2
 3 | max-requests = 100
   |                ^^^
error: `max-rss` needs a supervisor
  --> maitred.toml:4:11
   |
 1 | supervisor = \"never\"
   |              ------- `supervisor` is `never` here
 ...
 4 | max-rss = \"25%\"
   |           ^^^^^
4 problems; nothing was started
"
    );
    let case = Written {
        environment: &[("WEB_CONCURRENCY", "2")],
        arguments: &["app:app", "--supervisor=never"],
        ..Written::default()
    };
    assert_eq!(
        case.report(),
        "\
error: `workers` needs a supervisor
  --> environment variable WEB_CONCURRENCY
   = help: `supervisor` is `never` here: command line: --supervisor
1 problem; nothing was started
"
    );
}

#[test]
fn settings_of_worker_processes_that_cannot_be_combined_are_refused() {
    assert_eq!(
        command_line_report(&["app:app", "--reload", "-w", "2"]),
        "\
error: `reload` serves with one worker process, and `workers` is more
  --> command line: --reload
   = help: `workers` is set here: command line: --workers
1 problem; nothing was started
"
    );
    assert_eq!(
        report("preload = true\nreload = true\n"),
        "\
error: `preload` and `reload` exclude each other
  --> maitred.toml:1:11
   |
 1 | preload = true
   |           ^^^^
 2 | reload = true
   |          ---- `reload` is set here
1 problem; nothing was started
"
    );
    assert_eq!(
        report("max-requests-jitter = 5\n"),
        "\
error: `max-requests-jitter` needs `max-requests`
  --> maitred.toml:1:23
   |
 1 | max-requests-jitter = 5
   |                       ^ without it, no worker is replaced
1 problem; nothing was started
"
    );
}

#[test]
fn numbers_of_workers_and_limits_on_memory_that_cannot_be_are_refused() {
    for (text, given) in [("0", "`0`"), ("-1", "`-1`"), ("1.5", "`1.5`"), ("many", "`many`")] {
        let flag = format!("--workers={text}");
        let message = format!(
            "error: `workers` must be a whole number from 1 to 1024, or `auto`, not {given}\n  \
             --> command line: --workers\n1 problem; nothing was started\n"
        );
        assert_eq!(command_line_report(&["app:app", &flag]), message);
    }
    assert_eq!(
        report("workers = 1025\nmax-rss = \"101%\"\n"),
        "\
error: `workers` must be a whole number from 1 to 1024, or `auto`, not `1025`
  --> maitred.toml:1:11
   |
 1 | workers = 1025
   |           ^^^^ at most 1024
error: `max-rss` must be a size: bytes, or `200MiB`, or `25%` of the memory limit of the cgroup, not `\"101%\"`
  --> maitred.toml:2:11
   |
 2 | max-rss = \"101%\"
   |           ^^^^^^ a percentage is a whole number from `1%` to `100%`
2 problems; nothing was started
"
    );
}

#[test]
fn worker_processes_are_refused_on_windows() {
    let case = Written {
        toml: "workers = 2\nmax-requests = 9\nsupervisor = \"always\"\n",
        is_for_windows: true,
        ..Written::default()
    };
    let report = case.report();
    for (name, line) in [("workers", 1), ("max-requests", 2), ("supervisor", 3)] {
        let message =
            format!("error: `{name}` needs a supervisor, which is not supported on Windows\n");
        assert!(report.contains(&message), "{report}");
        assert!(report.contains(&format!("--> maitred.toml:{line}:")), "{report}");
    }
    assert!(report.contains("run several services behind IIS or a proxy"), "{report}");
    let auto = Written { toml: "workers = \"auto\"\n", ..case };
    assert_eq!(auto.loaded().settings.processes.workers, 1);
}

#[test]
fn a_packed_program_that_is_to_have_worker_processes_is_told_which_setting_asks_for_them_and_where()
{
    let packed = Written { packing: Packing::Packed, ..Written::default() };
    let needs =
        "needs worker processes, and a packed program has no interpreter to start them with";
    for (written, name, place) in [
        (Written { toml: "preload = true\n", ..packed.clone() }, "preload", "maitred.toml:1:11"),
        (
            Written { environment: &[("MAITRED_PRELOAD", "1")], ..packed.clone() },
            "preload",
            "environment variable MAITRED_PRELOAD",
        ),
        (
            Written { arguments: &["app:app", "--preload"], ..packed.clone() },
            "preload",
            "command line: --preload",
        ),
        (Written { toml: "\nworkers = 2\n", ..packed.clone() }, "workers", "maitred.toml:2:11"),
        (Written { toml: "reload = true\n", ..packed.clone() }, "reload", "maitred.toml:1:10"),
    ] {
        let report = written.report();
        assert!(report.contains(&format!("error: `{name}` {needs}\n")), "{report}");
        assert!(report.contains(place), "{report}");
        assert!(report.contains("leave it out, and start the program several times"), "{report}");
    }
    for toml in ["", "workers = \"auto\"\n", "preload = false\n", "supervisor = \"never\"\n"] {
        let processes = Written { toml, ..packed.clone() }.loaded().settings.processes;
        assert!(!processes.are_supervised() && processes.workers == 1, "{toml}");
    }
    let dev = Written { arguments: &["dev", "app:app"], ..packed };
    assert!(!dev.loaded().settings.processes.reload);
}

#[test]
fn workers_auto_follows_the_cpus_unless_one_process_uses_all() {
    let auto = Written { arguments: &["app:app", "-w", "auto"], ..Written::default() };
    assert_eq!(auto.loaded().settings.processes.workers, 3);
    let without_gil = Written { gil: Gil::Disabled, ..auto };
    assert_eq!(without_gil.loaded().settings.processes.workers, 1);
}

#[test]
fn a_supervisor_exists_where_a_setting_needs_it() {
    let is_supervised =
        |toml| Written { toml, ..Written::default() }.loaded().settings.processes.are_supervised();
    for toml in [
        "workers = 2\n",
        "preload = true\n",
        "reload = true\n",
        "max-requests = 1\n",
        "max-rss = \"1%\"\n",
        "supervisor = \"always\"\n",
    ] {
        assert!(is_supervised(toml), "{toml}");
    }
    for toml in ["", "workers = 1\n", "supervisor = \"never\"\n", "max-rss = 0\n"] {
        assert!(!is_supervised(toml), "{toml}");
    }
}

#[test]
fn reload_gives_a_debugger_all_the_time_and_new_code_its_turn_unless_settings_say_otherwise() {
    let loaded = |toml| Written { toml, ..Written::default() }.loaded().settings;
    let settings = loaded("reload = true\n");
    assert_eq!(settings.processes.worker_timeout, None);
    assert_eq!(settings.processes.start_timeout, Duration::from_secs(86_400));
    assert_eq!(settings.timeouts.graceful, Duration::from_secs(1));
    let settings = loaded("reload = true\nworker-timeout = 5\ngraceful-timeout = 7\n");
    assert_eq!(settings.processes.worker_timeout, Some(Duration::from_secs(5)));
    assert_eq!(settings.timeouts.graceful, Duration::from_secs(7));
    assert_eq!(loaded("reload = false\n"), loaded(""));
}

#[test]
fn unset_settings_of_worker_processes_follow_from_others() {
    let processes = |toml| Written { toml, ..Written::default() }.loaded().settings.processes;
    assert_eq!(processes("max-requests = 1000\n").max_requests_jitter, 100);
    assert_eq!(processes("max-requests = 1000\nmax-requests-jitter = 0\n").max_requests_jitter, 0);
    assert!(processes("workers = 8\n").metrics_by_worker);
    assert!(!processes("workers = 9\n").metrics_by_worker);
    assert!(processes("workers = 9\nmetrics-by-worker = true\n").metrics_by_worker);
    assert_eq!(processes("max-rss = \"25 %\"\n").max_rss, Some(MemoryLimit::Percent(25)));
    assert_eq!(processes("max-rss = \"1MiB\"\n").max_rss, Some(MemoryLimit::Bytes(1 << 20)));
}

#[test]
fn a_server_of_one_process_leaves_out_what_needs_workers_and_tells_where_it_was_set() {
    let case = Written {
        toml: "max-requests = 100\nthreads = 2\n",
        environment: &[("WEB_CONCURRENCY", "3")],
        ..Written::default()
    };
    let mut loaded = case.loaded();
    let left_out = loaded.in_one_process();
    let left_out: Vec<_> =
        left_out.iter().map(|(name, origin)| format!("{name} {origin}")).collect();
    assert_eq!(
        left_out,
        ["workers environment variable WEB_CONCURRENCY", "max-requests maitred.toml:1:16"]
    );
    assert!(!loaded.settings.processes.are_supervised());
    assert_eq!(loaded.settings.processes.workers, 1);
    assert_eq!(loaded.settings.limits.threads, 2);
    let changed: Vec<_> = loaded.changed().map(|(setting, _)| setting.name).collect();
    assert!(changed.contains(&"threads"), "{changed:?}");
    assert!(!changed.contains(&"workers") && !changed.contains(&"max-requests"), "{changed:?}");
    assert!(loaded.in_one_process().is_empty());
}
