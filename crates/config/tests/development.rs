//! Tests of what `maitred dev` makes of settings.

mod written;

use maitred_config::{Endpoint, Loaded, LogFormat, Purpose, RequestId, Settings};
use written::Written;

const FILE: &str = "app = \"shop:app\"\nlisten = \"0.0.0.0:80\"\nworkers = 4\nthreads = 7\n\
                    request-timeout = 30\ndrain-delay = 10\nsupervisor = \"never\"\n\
                    log-format = \"json\"\nexpose-tracebacks = false\n";

fn dev(toml: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Loaded {
    let arguments: Vec<&str> = ["dev"].iter().chain(arguments).copied().collect();
    Written { toml, arguments: &arguments, environment, ..Written::default() }.loaded()
}

fn address(settings: &Settings) -> String {
    settings.network.listen.iter().map(Endpoint::to_string).collect()
}

#[test]
fn dev_has_other_defaults_and_takes_only_the_application_from_the_file() {
    let loaded = dev(FILE, &[], &[]);
    let settings = &loaded.settings;
    assert_eq!(settings.purpose, Purpose::Development);
    assert_eq!(address(settings), "127.0.0.1:8080");
    assert_eq!(settings.application.app.as_deref(), Some("shop:app"));
    assert_eq!((settings.limits.threads, settings.processes.workers), (7, 1));
    assert!(settings.processes.reload && settings.processes.are_supervised());
    assert_eq!(settings.timeouts.request, None);
    assert_eq!(settings.processes.worker_timeout, None);
    assert!(settings.timeouts.drain_delay.is_zero());
    assert_eq!(settings.observability.log_format, LogFormat::Console);
    assert!(settings.observability.expose_tracebacks);
    assert_eq!(
        loaded.left_out_note().as_deref(),
        Some(
            "`dev` does not use these settings of maitred.toml: `listen`, `workers`, `supervisor`, \
             `request-timeout`, `drain-delay`, `log-format`, `expose-tracebacks`"
        )
    );
    assert!(loaded.warnings.is_empty());
    assert_eq!(dev("threads = 2\n", &["a:b"], &[]).left_out_note(), None);
}

#[test]
fn environment_and_command_line_win_over_dev() {
    let settings = dev(FILE, &["--port=1", "--no-reload"], &[("MAITRED_HOST", "::1")]).settings;
    assert_eq!(address(&settings), "[::1]:1");
    assert!(!settings.processes.reload);
    let settings = dev(FILE, &["--listen=*:9000"], &[("WEB_CONCURRENCY", "2")]).settings;
    assert_eq!(address(&settings), "*:9000");
    assert_eq!(settings.processes.workers, 2);
    assert!(!settings.processes.reload, "with one worker only");
    let processes = dev(FILE, &["--supervisor=never"], &[]).settings.processes;
    assert!(!processes.reload && !processes.are_supervised());
}

#[test]
fn a_file_for_production_gives_dev_no_warning_and_no_error() {
    let toml = "ipv4 = false\nlisten = \"[::]:80\"\nunix-socket-perms = \"660\"\n\
                trusted-proxy = \"localhost\"\ntrusted-proxy-count = 2\n\
                trusted-proxy-headers = \"x-forwarded-for\"\nlog-untrusted-proxy-headers = true\n\
                request-id = \"pass\"\nurl-scheme = \"https\"\naccess-log = \"a.log\"\n\
                access-log-format = \"json\"\naccess-log-query = false\nlog-format = \"json\"\n\
                log-fields = \"ecs\"\nmax-requests = 9\nmax-requests-jitter = 1\n";
    let loaded = dev(toml, &["a:b"], &[]);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.settings.application.url_scheme, "http");
    assert!(loaded.settings.observability.access_log_query);
    assert_eq!(loaded.settings.observability.request_id, RequestId::Off);
    let made = dev("request-id = \"generate\"\n", &["a:b"], &[]);
    assert_eq!(made.settings.observability.request_id, RequestId::Generate);
}

#[test]
fn what_is_said_about_the_access_log_of_dev_has_an_effect() {
    let arguments = ["a:b", "--no-access-log-query", "--access-log-exclude=/x"];
    assert_eq!(dev("", &arguments, &[]).warnings, []);
    let off = dev("", &["a:b", "--access-log=", "--access-log-exclude=/x"], &[]);
    assert_eq!(off.warnings.len(), 1, "{:?}", off.warnings);
}

#[test]
fn on_windows_dev_does_not_reload() {
    let case =
        Written { arguments: &["dev", "shop:app"], is_for_windows: true, ..Written::default() };
    let processes = case.loaded().settings.processes;
    assert!(!processes.reload && !processes.are_supervised());
}

#[test]
fn other_commands_use_the_whole_file() {
    let toml = FILE.replace("supervisor = \"never\"\n", "");
    let loaded = Written { toml: &toml, ..Written::default() }.loaded();
    assert_eq!(loaded.settings.purpose, Purpose::Production);
    assert_eq!(address(&loaded.settings), "0.0.0.0:80");
    assert_eq!(loaded.left_out_note(), None);
}
